package dev.cocktail.trainer.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.trainer.study.StudyFindings.AdditiveEffects;
import dev.cocktail.trainer.study.StudyFindings.Basis;
import dev.cocktail.trainer.study.StudyFindings.BestOfCurves;
import dev.cocktail.trainer.study.StudyFindings.Guessed;
import dev.cocktail.trainer.study.StudyFindings.InteractionEffect;
import dev.cocktail.trainer.study.StudyFindings.MixtureSummary;
import dev.cocktail.trainer.study.StudyFindings.Predictor;
import dev.cocktail.trainer.study.StudyFindings.Transfer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What follows from answers that were written by hand, of ten items each. */
class StudyFindingsTest {
  private static final double EXACT = 1e-12;

  @TempDir private Path temporary;

  private HandMadeStudy study() {
    return HandMadeStudy.ofThree(temporary.resolve("study"), 1);
  }

  @Test
  void transferIsThePairLessTheTargetAlone() {
    try (HandMadeStudy study = study()) {
      StudyFindings findings = StudyFindings.of(study.results());
      assertThat(findings.transfers()).hasSize(4).allMatch(one -> one.basis() == Basis.PAIR);
      assertThat(findings.transfer("b", "a").orElseThrow().value()).isCloseTo(0.2, within(EXACT));
      assertThat(findings.transfer("c", "a").orElseThrow().value()).isCloseTo(0.1, within(EXACT));
      assertThat(findings.transfer("a", "b").orElseThrow().value()).isCloseTo(0.0, within(EXACT));
      Transfer harm = findings.transfer("c", "b").orElseThrow();
      assertThat(harm.value()).isCloseTo(-0.1, within(EXACT));
      assertThat(harm.with().name()).isEqualTo("b+c");
      assertThat(harm.without().name()).isEqualTo("b");
      assertThat(harm.interval().orElseThrow().holds(-0.1)).isTrue();
      assertThat(findings.transfer("a", "a")).isEmpty();
    }
  }

  @Test
  void withoutThePairItIsAllLessAllButTheHelper() {
    try (HandMadeStudy study = study()) {
      StudyFindings findings = StudyFindings.of(study.failed("a+b/seed-42", "the loss is NaN").results());
      Transfer transfer = findings.transfer("b", "a").orElseThrow();
      assertThat(transfer.basis()).isEqualTo(Basis.LEAVE_ONE_OUT);
      assertThat(transfer.value()).isCloseTo(0.9 - 0.6, within(EXACT));
      assertThat(transfer.without().name()).isEqualTo("a+c");
      assertThat(findings.interactions()).isEmpty();
      assertThat(findings.score(transfer.with(), "a").orElseThrow().summary().mean()).isCloseTo(0.9, within(EXACT));
      assertThat(findings.scores().get("a")).noneMatch(result -> result.arm().name().equals("a+b"));
    }
  }

  @Test
  void interactionsAndAdditiveModel() {
    try (HandMadeStudy study = study()) {
      StudyFindings findings = StudyFindings.of(study.results());
      assertThat(findings.interactions()).extracting(InteractionEffect::target).containsExactly("a", "b");
      InteractionEffect effect = findings.interactions().getFirst();
      assertThat(List.of(effect.first(), effect.second())).containsExactly("b", "c");
      assertThat(effect.value()).isCloseTo(0.9 - 0.7 - 0.6 + 0.5, within(EXACT));
      assertThat(effect.interval().orElseThrow().holds(effect.value())).isTrue();

      AdditiveEffects additive = findings.additive().getFirst();
      assertThat(additive.mixtures()).isEqualTo(4);
      assertThat(additive.alone()).isCloseTo(0.475, within(1e-9));
      assertThat(additive.effects().get("b")).isCloseTo(0.25, within(1e-9));
      assertThat(additive.effects().get("c")).isCloseTo(0.15, within(1e-9));
      // Each left-out score is missed by the interaction, 0.1.
      assertThat(additive.error()).isCloseTo(0.1, within(1e-9));
      assertThat(additive.explained().orElseThrow()).isCloseTo(1 - 0.04 / (0.0875 * 16 / 9), within(1e-9));
    }
  }

  @Test
  void bestOfAsManyTrials() {
    try (HandMadeStudy study = study()) {
      BestOfCurves curves = StudyFindings.of(study.results()).bestOf().getFirst();
      assertThat(curves.target()).isEqualTo("a");
      assertThat(curves.mixtures()).hasSize(3);
      assertThat(curves.mixtures().get(0)).isCloseTo((0.6 + 0.7 + 0.9) / 3, within(EXACT));
      assertThat(curves.mixtures().get(1)).isCloseTo((0.7 + 0.9 + 0.9) / 3, within(EXACT));
      assertThat(curves.alone()).hasSize(1);
      assertThat(curves.alone().getFirst()).isCloseTo(0.5, within(EXACT));
      assertThat(curves.comparable()).isEqualTo(1);
    }
  }

  @Test
  void theWorstTargetOfAMixture() {
    try (HandMadeStudy study = study()) {
      List<MixtureSummary> mixtures = StudyFindings.of(study.results()).mixtures();
      assertThat(mixtures).extracting(one -> one.arm().name()).containsExactlyInAnyOrder("a+b", "a+c", "b+c", "all");
      MixtureSummary all = mixtures.stream().filter(one -> one.arm().name().equals("all")).findFirst().orElseThrow();
      assertThat(all.targets()).containsExactly("a", "b");
      assertThat(all.aggregate().worst()).isEqualTo(1);
      assertThat(all.aggregate().worstChange()).isCloseTo(-0.2, within(EXACT));
      assertThat(all.aggregate().relativeChange().orElseThrow())
          .isCloseTo(100 * (0.4 / 0.5 - 0.2 / 0.4) / 2, within(1e-9));
    }
  }

  @Test
  void guessesAreHeldAgainstWhatWasMeasured() {
    try (HandMadeStudy study = study()) {
      StudyFindings findings = StudyFindings.of(study.results());
      assertThat(findings.guesses().getFirst().helpers())
          .containsExactly(new Guessed("b", 0.04), new Guessed("c", 0.03));
      Predictor lookahead = findings.predictors().get(0);
      assertThat(lookahead.name()).isEqualTo("lookahead");
      assertThat(lookahead.pairs()).isEqualTo(4);
      assertThat(lookahead.correlation().orElseThrow()).isCloseTo(1, within(1e-9));
      assertThat(findings.predictors().get(1).correlation().orElseThrow()).isCloseTo(-1, within(1e-9));
      assertThat(findings.predictors().get(2).correlation()).isEmpty();
    }
  }

  @Test
  void everyArmOnEveryTask() {
    try (HandMadeStudy study = study()) {
      StudyFindings findings = StudyFindings.of(study.results());
      ArmResult base = findings.scores().get("a").getFirst();
      assertThat(base.arm()).isEqualTo(StudyVerdict.BASE);
      assertThat(base.scores()).containsExactly(0.1);
      assertThat(base.unreadable()).isCloseTo(0.4, within(EXACT));
      Arm single = study.plan().mixture(List.of("b")).orElseThrow();
      assertThat(findings.score(single, "a").orElseThrow().summary().mean()).isCloseTo(0.3, within(EXACT));
    }
  }
}
