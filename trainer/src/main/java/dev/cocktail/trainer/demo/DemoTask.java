package dev.cocktail.trainer.demo;

import dev.cocktail.eval.answer.AnswerForm;
import dev.cocktail.eval.answer.LabelForm;
import dev.cocktail.eval.answer.NumberForm;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.trainer.demo.NewsGrammar.EntityKind;
import dev.cocktail.trainer.demo.NewsGrammar.Sentiment;
import dev.cocktail.trainer.demo.NewsGrammar.Split;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The demo's tasks. */
enum DemoTask {
  SENTIMENT("the sentiment of a sentence about a company: negative, neutral or positive", 10, DemoData::sentiment),
  HEADLINE("whether an attribute holds of a headline about a price: yes or no", 20, DemoData::headline),
  ENTITY("the class of something that a sentence names: company, figure, period or commodity", 30, DemoData::entity),
  TABLE("the highest or the lowest figure of a small table: a number", 40, DemoData::table);

  private interface Maker {
    List<DemoData.Item> items(int count, long seed, Split split);
  }

  private final String description;
  private final long seed;
  private final Maker maker;

  DemoTask(String description, long seed, Maker maker) {
    this.description = description;
    this.seed = seed;
    this.maker = maker;
  }

  /** The name in files and reports. */
  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** What is asked, for people. */
  String description() {
    return description;
  }

  /** Items of a split, always the same. */
  List<DemoData.Item> items(int count, Split split) {
    return maker.items(count, seed + split.ordinal(), split);
  }

  /** What answers look like. */
  AnswerForm form() {
    return switch (this) {
      case SENTIMENT -> new LabelForm(Arrays.stream(Sentiment.values()).map(Sentiment::label).toList());
      case HEADLINE -> new LabelForm(List.of("yes", "no"));
      case ENTITY -> new LabelForm(Arrays.stream(EntityKind.values()).map(EntityKind::label).toList());
      case TABLE -> new NumberForm();
    };
  }

  /** What it is scored by: the share of right answers in both cases. */
  Metric metric() {
    return this == TABLE ? Metric.NUMERIC_MATCH : Metric.ACCURACY;
  }
}
