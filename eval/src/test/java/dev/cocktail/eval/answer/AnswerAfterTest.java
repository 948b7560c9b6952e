package dev.cocktail.eval.answer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.eval.EvaluationTask;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.InvalidInputException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class AnswerAfterTest {
  private final AnswerAfter form = new AnswerAfter("####", new NumberForm());

  @Test
  void theRightAnswerFollowsTheLastMark() {
    assertThat(form.gold("2 + 3 = 5\n#### 1\n#### 1,205")).contains("1205");
    assertThat(form.gold("7")).as("without a mark all of it").contains("7");
    assertThat(form.gold("2 + 3 #### five")).isEmpty();
    assertThat(form.form()).isEqualTo(Metric.Form.NUMBER);
  }

  @Test
  void strictAnswersNeedTheMarkAndLenientOnesDoNot() {
    assertThat(form.read("2 + 3 = 5 #### 5", Reading.STRICT)).contains("5");
    assertThat(form.read("#### 5 apples", Reading.STRICT)).isEmpty();
    assertThat(form.read("5", Reading.STRICT)).isEmpty();
    assertThat(form.read("#### 5 apples", Reading.LENIENT)).contains("5");
    assertThat(form.read("so it is 7, that is 8.", Reading.LENIENT)).contains("8");
    assertThat(form.read("so it is 7 #### none", Reading.LENIENT)).as("what stands before is not the answer").isEmpty();
    assertThat(form.isRight("100", "100.5", Reading.LENIENT)).isTrue();
    assertThat(form.isRight("100", "100.5", Reading.STRICT)).isFalse();
  }

  @Test
  void labelsAreNamedWhenOneIsUnknown() {
    var labels = new AnswerAfter("Label:", new LabelForm(List.of("up", "down")));
    var item = new EvaluationItem("a:1", new EvaluationItem.Plain("q"), "thought. Label: flat", Optional.empty());
    assertThatThrownBy(() -> new EvaluationTask("t", List.of(item), labels, List.of(Metric.ACCURACY)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("expected one of the labels up, down");
    assertThatThrownBy(() -> new AnswerAfter("", new NumberForm())).isInstanceOf(InvalidInputException.class);
  }
}
