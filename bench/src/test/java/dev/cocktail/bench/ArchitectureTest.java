package dev.cocktail.bench;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The rooms of the house and who may know whom; this module sees them all. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ArchitectureTest {
  private static final String ROOT = "dev.cocktail.";

  /** From the left to the right; a room uses only rooms to its left. */
  private static final List<String> ROOMS =
      List.of("tensor", "kernels", "transformer", "lora", "eval", "trainer", "bench");

  private final JavaClasses classes =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .withImportOption(ArchitectureTest::isMainCode)
          .importPackages("dev.cocktail");

  /** Leaves out the test jars of other modules, which stand beside their main jars on the class path. */
  private static boolean isMainCode(Location location) {
    return !location.contains("-tests.jar") && !location.contains("/jmh_generated/");
  }

  static Stream<String> rooms() {
    return ROOMS.stream();
  }

  @Test
  void everyClassLivesInARoom() {
    assertThat(classes)
        .isNotEmpty()
        .allSatisfy(
            type -> assertThat(ROOMS).anyMatch(room -> (type.getPackageName() + ".").startsWith(ROOT + room + ".")));
  }

  @Test
  void theFoundationIsSeen() {
    assertThat(classes.contain("dev.cocktail.tensor.Ops")).isTrue();
    assertThat(classes.contain("dev.cocktail.trainer.cli.Cocktail")).isTrue();
  }

  @ParameterizedTest
  @MethodSource("rooms")
  void aRoomUsesOnlyRoomsToItsLeft(String room) {
    String[] rightOfIt =
        ROOMS.stream().skip(ROOMS.indexOf(room) + 1L).map(other -> ROOT + other + "..").toArray(String[]::new);
    if (rightOfIt.length == 0) {
      return;
    }
    check(
        noClasses()
            .that()
            .resideInAPackage(ROOT + room + "..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(rightOfIt));
  }

  @Test
  void devicesOtherThanTheContractAreFoundAndNotKnown() {
    check(
        noClasses()
            .that()
            .resideInAnyPackage(packages("transformer", "lora", "eval", "trainer"))
            .should()
            .dependOnClassesThat()
            .resideInAPackage(ROOT + "kernels..")
            .because("devices are found through ServiceLoader"));
  }

  @Test
  void theProcessorsInsidesStayInTensor() {
    check(
        noClasses()
            .that()
            .resideInAnyPackage(packages("kernels", "transformer", "lora", "eval", "trainer"))
            .should()
            .dependOnClassesThat()
            .resideInAPackage(ROOT + "tensor.cpu..")
            .because("model code is written once, against Ops"));
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching("dev.cocktail.(**)").should().beFreeOfCycles().check(classes);
  }

  @Test
  void randomNumbersAreKeyed() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(ROOT + "bench..")
            .should()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.Random")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.concurrent.ThreadLocalRandom")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.SplittableRandom")
            .orShould()
            .callMethod(Math.class, "random")
            .because("one seed decides everything, through counter-based random numbers"));
  }

  @Test
  void librariesDoNotPrint() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages(ROOT + "trainer.cli..", ROOT + "bench..")
            .should()
            .accessField(System.class, "out")
            .orShould()
            .accessField(System.class, "err")
            .orShould()
            .callMethod(Throwable.class, "printStackTrace")
            .because("only programs talk to people; libraries return values and throw"));
  }

  /**
   * A room that is still empty has nothing to break; {@link #theFoundationIsSeen} keeps the rules from being vacuous.
   */
  private void check(ArchRule rule) {
    rule.allowEmptyShould(true).check(classes);
  }

  private static String[] packages(String... rooms) {
    return Stream.of(rooms).map(room -> ROOT + room + "..").toArray(String[]::new);
  }
}
