package dev.cocktail.trainer.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.StudySection.Family;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class TaskSetsTest {
  private static final TaskSets SETS =
      new TaskSets(
          List.of("headline", "convfinqa", "finqa", "orca", "twitter-sa"),
          List.of("headline", "convfinqa", "finqa"),
          List.of("orca"));

  @Test
  void namesAreTakenAwayWholeAndNotAsPartsOfOthers() {
    assertEquals(List.of("headline", "convfinqa", "orca", "twitter-sa"), SETS.parse("all - finqa"));
    assertEquals(List.of("headline", "finqa", "orca", "twitter-sa"), SETS.parse("all - convfinqa"));
    assertEquals(List.of("twitter-sa"), SETS.parse(" twitter-sa "));
  }

  @Test
  void expressionsReadFromLeftToRightAndGiveTheStudysOrder() {
    assertEquals(List.of("headline", "orca"), SETS.parse("orca + headline"));
    assertEquals(List.of("headline", "convfinqa", "finqa", "orca"), SETS.parse("targets + general"));
    assertEquals(List.of("headline", "convfinqa", "finqa"), SETS.parse("all - general - twitter-sa"));
    assertEquals(List.of("finqa"), SETS.parse("targets - headline - convfinqa - finqa + finqa"));
  }

  @Test
  void wrongExpressionsSayWhatIsWrong() {
    assertWrong("all - fniqa", "there is no task 'fniqa' to learn; the nearest is 'finqa'");
    assertWrong("headline - finqa", "'finqa' is taken away, but it is not there");
    assertWrong("finqa - finqa", "nothing is left");
    assertWrong("headline finqa", "expected + or - between names, found 'finqa'");
    assertWrong("headline +", "a name is missing after '+'");
    assertWrong("all-finqa", "there is no task 'all-finqa' to learn; + and - need spaces around them");
    assertWrong("headline+finqa", "there is no task 'headline+finqa' to learn; + and - need spaces around them");
    assertWrong("headline +finqa", "expected + or - between names, found '+finqa'; + and - need spaces around them");
    assertWrong("twitter-s", "there is no task 'twitter-s' to learn; the nearest is 'twitter-sa'");
    assertWrong("", "there is no task ''");
  }

  private static void assertWrong(String expression, String problem) {
    var e = assertThrows(InvalidInputException.class, () -> SETS.parse(expression));
    assertTrue(e.getMessage().contains("the mixture '" + expression + "': "), e.getMessage());
    assertTrue(e.getMessage().contains(problem), e.getMessage());
  }

  @Test
  void familiesHaveTheSizesOfCombinatorics() {
    assertEquals(5, SETS.family(Family.SINGLES).size());
    assertEquals(10, SETS.family(Family.PAIRS).size());
    assertEquals(5, SETS.family(Family.LEAVE_ONE_OUT).size());
    assertEquals(List.of(SETS.all()), SETS.family(Family.ALL));
    assertEquals(10, SETS.subsets(3).size());
    assertEquals(List.of(), SETS.subsets(6));
  }

  @Test
  void namesSayWhatIsThereOrWhatIsMissing() {
    assertEquals("headline", SETS.name(List.of("headline")));
    assertEquals("headline+finqa", SETS.name(List.of("headline", "finqa")));
    assertEquals("all", SETS.name(SETS.all()));
    assertEquals("all-but+finqa", SETS.name(SETS.parse("all - finqa")));
    assertEquals("one", new TaskSets(List.of("one"), List.of("one"), List.of()).name(List.of("one")));
  }

  @Property
  void everySubsetHasANameOfItsOwn(@ForAll @IntRange(min = 1, max = 8) int tasks) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < tasks; i++) {
      names.add("t" + i);
    }
    var sets = new TaskSets(names, names, List.of());
    var seen = new HashSet<String>();
    for (int size = 1; size <= tasks; size++) {
      sets.subsets(size).forEach(set -> assertTrue(seen.add(sets.name(set)), () -> sets.name(set) + " is there twice"));
    }
    assertEquals((1 << tasks) - 1, seen.size());
  }

  @Property(tries = 50)
  void drawnSetsDifferHaveTheSizeAndFollowFromTheSeed(
      @ForAll @IntRange(min = 1, max = 10) int count, @ForAll @IntRange(min = 2, max = 3) int size, @ForAll long seed) {
    List<List<String>> drawn = SETS.random(count, size, seed);
    assertEquals(count, new HashSet<>(drawn).size());
    drawn.forEach(set -> assertEquals(size, set.size()));
    drawn.forEach(set -> assertEquals(set, SETS.ordered(new HashSet<>(set))));
    assertEquals(drawn, SETS.random(count, size, seed));
  }

  @Test
  void moreSetsThanThereAreAreRefused() {
    var e = assertThrows(InvalidInputException.class, () -> SETS.random(11, 2, 1));
    assertEquals("study.random_subsets: 5 tasks have 10 mixtures of 2, fewer than 11", e.getMessage());
    e = assertThrows(InvalidInputException.class, () -> SETS.random(1, 9, 1));
    assertEquals("study.random_size: is 9, but there are only 5 tasks to learn", e.getMessage());
  }
}
