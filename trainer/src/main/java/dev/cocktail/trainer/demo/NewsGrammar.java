package dev.cocktail.trainer.demo;

import java.util.List;
import java.util.Locale;
import java.util.random.RandomGenerator;

/**
 * Writes short financial news about companies that do not exist. Every sentence comes with what is true of it, so that
 * tasks with known answers can be made from it; the same generator state gives the same news.
 *
 * <p>The news of the splits differ in more than chance: each company belongs to one split, and so does each pair of a
 * commodity and a reason for its price, so that no answer can be remembered by name. Wordings, figures, periods,
 * products and cities are shared.
 */
final class NewsGrammar {
  /** What a sentence means for the company's value. */
  enum Sentiment {
    NEGATIVE,
    NEUTRAL,
    POSITIVE;

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Which way a price went. */
  enum Direction {
    UP,
    DOWN,
    UNCHANGED
  }

  /** Which companies and headlines there are. Of every five, three are to learn from, one to validate, one to test. */
  enum Split {
    /** What the base model is pretrained on: all but the tests'. */
    BASE,
    TRAIN,
    VALIDATION,
    TEST;

    boolean hasCompany(int number) {
      int part = Math.floorMod(number, 5);
      return switch (this) {
        case BASE -> part != 0;
        case TRAIN -> part > 1;
        case VALIDATION -> part == 1;
        case TEST -> part == 0;
      };
    }

    boolean hasHeadline(int number) {
      return hasCompany(number);
    }
  }

  /** What something named in the news is. */
  enum EntityKind {
    COMPANY,
    FIGURE,
    PERIOD,
    COMMODITY;

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Something that a sentence names.
   *
   * @param sentence where it is named
   * @param name as written there
   */
  record Mention(String sentence, String name, EntityKind kind) {}

  /**
   * News about a company.
   *
   * @param measure the figure the sentence is about, or an empty string
   * @param period the time it is about, or an empty string
   */
  record CompanyNews(String text, Sentiment sentiment, String company, String measure, String period) {}

  /**
   * A headline about the price of a commodity.
   *
   * @param sourced whether it names a company that says so
   */
  record PriceHeadline(String text, Direction direction, String commodity, boolean sourced) {}

  private static final List<String> STEMS =
      List.of(
          "Nord", "Bright", "Iron", "Silver", "Clear", "Stone", "River", "Oak", "High", "West", "Blue", "Kest", "Alder",
          "Marl", "Fen", "Har", "Lind", "Tor", "Vel", "Cas");
  private static final List<String> ENDINGS =
      List.of("vale", "water", "field", "gate", "mark", "holm", "berg", "ton", "wick", "moor");
  private static final List<String> FORMS = List.of("", " Group", " Corp", " Inc", " Holdings", " Oyj", " AB", " plc");
  private static final List<String> MEASURES =
      List.of(
          "net sales",
          "operating profit",
          "revenue",
          "net profit",
          "pretax profit",
          "earnings per share",
          "order intake",
          "the order backlog",
          "the gross margin",
          "cash flow");

  private static final List<String> PERIODS =
      List.of(
          "the first quarter",
          "the second quarter",
          "the third quarter",
          "the fourth quarter",
          "the first half",
          "the full year",
          "the period",
          "the nine months to September");
  private static final List<String> ROSE =
      List.of("rose", "increased", "climbed", "grew", "jumped", "improved", "went up", "surged", "advanced");
  private static final List<String> FELL =
      List.of("fell", "decreased", "dropped", "declined", "slipped", "shrank", "went down", "plunged", "weakened");
  private static final List<String> GOOD =
      List.of(
          "has won an order for",
          "signed a long contract to deliver",
          "raised its forecast for",
          "will expand its plant for",
          "received approval for",
          "reported strong demand for");
  private static final List<String> BAD =
      List.of(
          "has lost an order for",
          "will cut jobs at its plant for",
          "lowered its forecast for",
          "will close its plant for",
          "recalled faulty",
          "warned of weak demand for");
  private static final List<String> PLAIN =
      List.of(
          "makes", "sells", "has a plant for", "will present its line of", "is a supplier of", "runs a warehouse for");
  private static final List<String> PRODUCTS =
      List.of(
          "paper machines",
          "mobile phones",
          "steel pipes",
          "elevators",
          "medical devices",
          "wind turbines",
          "network software",
          "food packaging",
          "forest tractors",
          "ship engines",
          "solar panels",
          "water pumps");
  private static final List<String> PLAIN_WHOLE =
      List.of(
          "will publish its report for %s on %d May",
          "will hold its annual meeting in %s on %d June",
          "has moved its head office to %s, with a staff of %d",
          "was founded in %s and employs %d people",
          "will be listed in %s from %d March");
  private static final List<String> CITIES =
      List.of("Helsinki", "Oslo", "London", "Madrid", "Toronto", "Vienna", "Dublin", "Lisbon", "Prague", "Turin");
  private static final List<String> COMMODITIES =
      List.of("gold", "silver", "copper", "oil", "wheat", "natural gas", "coffee", "zinc");
  private static final List<String> PRICE_UP =
      List.of("gains", "climbs", "rises", "rallies", "jumps", "edges higher", "hits a new high", "extends its gains");
  private static final List<String> PRICE_DOWN =
      List.of("falls", "drops", "slides", "slips", "sinks", "edges lower", "hits a new low", "extends its losses");
  private static final List<String> PRICE_STEADY =
      List.of(
          "is steady", "is little changed", "trades flat", "holds its ground", "settles unchanged", "moves sideways");
  private static final List<String> REASONS =
      List.of(
          "as the dollar weakens",
          "as the dollar firms",
          "ahead of the central bank's meeting",
          "after jobs data",
          "on trade talks",
          "in thin trading",
          "as traders await inflation data",
          "on supply worries",
          "as shares rally",
          "as shares sell off");

  private static final List<String> TABLE_FIGURES =
      List.of("sales", "profit", "costs", "orders", "cash", "debt", "margin", "staff", "stock", "tax");
  private static final int TABLE_ROWS = 5;

  private final RandomGenerator random;
  private final Split split;

  NewsGrammar(RandomGenerator random, Split split) {
    this.random = random;
    this.split = split;
  }

  private <E> E pick(List<E> list) {
    return list.get(random.nextInt(list.size()));
  }

  /** A company's name: of each combination of stem and ending with any legal form, the split is the same. */
  String company() {
    while (true) {
      int stem = random.nextInt(STEMS.size());
      int ending = random.nextInt(ENDINGS.size());
      if (split.hasCompany(stem * 3 + ending)) {
        return STEMS.get(stem) + ENDINGS.get(ending) + pick(FORMS);
      }
    }
  }

  private String amount() {
    return "EUR " + (1 + random.nextInt(900)) + (random.nextBoolean() ? "" : "." + random.nextInt(10)) + " mn";
  }

  private String percent() {
    return (1 + random.nextInt(40)) + (random.nextBoolean() ? "" : "." + random.nextInt(10)) + " %";
  }

  /** One sentence about a company, each sentiment with the same probability. */
  CompanyNews companyNews() {
    return companyNews(company(), Sentiment.values()[random.nextInt(3)]);
  }

  /** One sentence about a company, with a sentiment. */
  CompanyNews companyNews(String company, Sentiment sentiment) {
    if (sentiment == Sentiment.NEUTRAL) {
      return neutral(company);
    }
    boolean positive = sentiment == Sentiment.POSITIVE;
    String measure = pick(MEASURES);
    String period = pick(PERIODS);
    return switch (random.nextInt(5)) {
      case 0 ->
          new CompanyNews(
              company
                  + " said that "
                  + measure
                  + " "
                  + pick(positive ? ROSE : FELL)
                  + " by "
                  + percent()
                  + " in "
                  + period
                  + ".",
              sentiment,
              company,
              measure,
              period);
      case 1 ->
          new CompanyNews(
              "In "
                  + period
                  + ", "
                  + measure
                  + " of "
                  + company
                  + " "
                  + pick(positive ? ROSE : FELL)
                  + " to "
                  + amount()
                  + " from a year earlier.",
              sentiment,
              company,
              measure,
              period);
      case 2 ->
          new CompanyNews(
              company + " " + pick(positive ? GOOD : BAD) + " " + pick(PRODUCTS) + ".", sentiment, company, "", "");
      case 3 ->
          new CompanyNews(
              company
                  + " turned to a "
                  + (positive ? "profit" : "loss")
                  + " of "
                  + amount()
                  + " in "
                  + period
                  + ", from a "
                  + (positive ? "loss" : "profit")
                  + " of "
                  + amount()
                  + ".",
              sentiment,
              company,
              "",
              period);
      default ->
          new CompanyNews(
              "Shares of "
                  + company
                  + " "
                  + pick(positive ? ROSE : FELL)
                  + " after "
                  + measure
                  + " came in "
                  + (positive ? "above" : "below")
                  + " what analysts expected.",
              sentiment,
              company,
              measure,
              "");
    };
  }

  private CompanyNews neutral(String company) {
    return switch (random.nextInt(3)) {
      case 0 ->
          new CompanyNews(company + " " + pick(PLAIN) + " " + pick(PRODUCTS) + ".", Sentiment.NEUTRAL, company, "", "");
      case 1 -> {
        String measure = pick(MEASURES);
        String period = pick(PERIODS);
        yield new CompanyNews(
            "In " + period + ", " + measure + " of " + company + " was unchanged at " + amount() + ".",
            Sentiment.NEUTRAL,
            company,
            measure,
            period);
      }
      default -> {
        String pattern = pick(PLAIN_WHOLE);
        boolean aboutPeriod = pattern.contains("report");
        String period = pick(PERIODS);
        String text =
            company
                + " "
                + String.format(Locale.ROOT, pattern, aboutPeriod ? period : pick(CITIES), 1 + random.nextInt(28))
                + ".";
        yield new CompanyNews(text, Sentiment.NEUTRAL, company, "", aboutPeriod ? period : "");
      }
    };
  }

  /** A headline about a price, each direction with the same probability. */
  PriceHeadline priceHeadline() {
    Direction direction = Direction.values()[random.nextInt(3)];
    List<String> verbs =
        switch (direction) {
          case UP -> PRICE_UP;
          case DOWN -> PRICE_DOWN;
          case UNCHANGED -> PRICE_STEADY;
        };
    while (true) {
      int commodity = random.nextInt(COMMODITIES.size());
      String verb = pick(verbs);
      int reason = random.nextInt(REASONS.size());
      if (!split.hasHeadline(commodity + 3 * reason)) {
        continue;
      }
      String name = COMMODITIES.get(commodity);
      String text = Character.toUpperCase(name.charAt(0)) + name.substring(1) + " " + verb + " " + REASONS.get(reason);
      boolean sourced = random.nextInt(3) == 0;
      if (sourced) {
        text += ", " + company() + " says";
      }
      return new PriceHeadline(text, direction, name, sourced);
    }
  }

  /** Something named in a sentence, each kind with the same probability. */
  Mention mention() {
    EntityKind kind = EntityKind.values()[random.nextInt(EntityKind.values().length)];
    while (true) {
      if (kind == EntityKind.COMMODITY) {
        PriceHeadline headline = priceHeadline();
        return new Mention(headline.text() + ".", headline.commodity(), kind);
      }
      CompanyNews news = companyNews();
      String name =
          switch (kind) {
            case COMPANY -> news.company();
            case FIGURE -> news.measure();
            case PERIOD -> news.period();
            case COMMODITY -> throw new IllegalStateException("a commodity has headlines only");
          };
      if (!name.isEmpty()) {
        return new Mention(news.text(), name, kind);
      }
    }
  }

  /** Five figures of a company in one period. */
  FigureTable table() {
    return FigureTable.random(company() + ", " + pick(PERIODS), TABLE_FIGURES, TABLE_ROWS, random);
  }
}
