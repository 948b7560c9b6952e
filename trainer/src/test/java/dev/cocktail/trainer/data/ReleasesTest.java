package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.eval.answer.AnswerAfter;
import dev.cocktail.eval.answer.NumberForm;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.SourceRecord.Conversation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Data sets in the form in which they were released, read by the shipped descriptions. */
class ReleasesTest {
  @TempDir private Path folder;

  private final List<String> remarks = new ArrayList<>();

  private List<Conversation> read(String description, Path file) {
    List<Conversation> records = new ArrayList<>();
    DataSource source = TaskSection.described(description, folder, Optional.of(file)).trainSource();
    remarks.addAll(source.read(record -> records.add((Conversation) record)));
    return records;
  }

  private List<Conversation> read(String description, String name, String text) throws IOException {
    return read(description, Files.writeString(folder.resolve(name), text, StandardCharsets.ISO_8859_1));
  }

  private static String asked(Conversation record) {
    return record.messages().getFirst().content();
  }

  private static String answer(Conversation record) {
    return record.messages().getLast().content();
  }

  @Test
  void sentencesAreDividedAtTheLastDelimiter() throws IOException {
    List<Conversation> read =
        read("fpb_sentences", "a.txt", "Stora@Enso gr\u00F6w .@positive\r\n\r\nFell .@negative\n");
    assertThat(read).extracting(ReleasesTest::answer).containsExactly("positive", "negative");
    assertThat(asked(read.getFirst())).endsWith("\nStora@Enso gr\u00F6w .");
    assertThat(read.getFirst().cluster()).contains("stora@enso gr\u00F6w .");

    assertThatThrownBy(() -> read("fpb_sentences", "b.txt", "fine .@positive\nno label\n"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("b.txt:2: 1 values, expected 2 (sentence, label)");
    assertThatThrownBy(() -> read("fpb_sentences", "c.txt", "a .@positive\nb .@mixed\nc .@mixed\n"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("c.txt:2: 'mixed' of the field 'label'")
        .hasMessageContaining("Of 3 records, 2 have such labels: 'mixed' 2 times");
  }

  @Test
  void questionsAboutAPage() throws IOException {
    List<Conversation> read =
        read(
            "finqa_json",
            "a.json",
            """
            [{"id": "AA/2001/page_7.pdf-2", "filename": "AA/2001/page_7.pdf",
              "pre_text": ["sales rose .", "."], "post_text": ["."],
              "table": [["", "2001", "2000"], ["sales", "$ 120 ( 1 )", "100"]],
              "qa": {"question": "growth?", "answer": "20%", "exe_ans": 0.2, "program": "subtract(120, 100), divide(#0, 100)"}},
             {"id": "AA/2001/page_7.pdf-3", "pre_text": [], "post_text": [], "table": [["sales", "$ 120 ( 1 )", "100"]],
              "qa": {"question": "most?", "answer": "", "exe_ans": 120.0, "program": "table_max(sales, none)"}},
             {"id": "AA/2001/page_8.pdf-1", "pre_text": [], "post_text": [], "table": [],
              "qa": {"question": "more?", "answer": "yes", "exe_ans": "yes", "program": "greater(1, 2)"}},
             {"id": "AA/2001/page_8.pdf-2", "pre_text": [], "post_text": [], "table": [],
              "qa": {"question": "what?", "answer": "about 7", "exe_ans": "n/a", "program": ""}},
             {"id": "AA/2001/page_8.pdf-3", "pre_text": [], "post_text": [], "table": [],
              "qa": {"question": "how?", "answer": "3", "exe_ans": 3, "program": "root(9, none)"}}]
            """);
    assertThat(read).extracting(ReleasesTest::answer).containsExactly("20%", "120", "yes", "3");
    assertThat(asked(read.getFirst()))
        .endsWith("sales rose . .\n\n| 2001 | 2000\nsales | $ 120 ( 1 ) | 100\n\nQuestion: growth?");
    assertThat(read.get(1).cluster()).as("one page, two questions").isEqualTo(read.getFirst().cluster());
    assertThat(read.getFirst().cluster()).contains("aa/2001/page_7.pdf");
    assertThat(read.getFirst().document().orElseThrow().messages().apply("").getFirst().content())
        .as("without its document the question is there")
        .endsWith("Question: growth?");
    assertThat(remarks)
        .containsExactly(
            folder.resolve("a.json")
                + ": 3 programs executed, of which 1 do not give the answer, such as"
                + " AA/2001/page_8.pdf-1 (yes, executed no)",
            folder.resolve("a.json") + ": 1 programs cannot be executed, such as that of AA/2001/page_8.pdf-3",
            folder.resolve("a.json") + ": 1 stated answers are no number, yes or no; the executed ones stand for them",
            folder.resolve("a.json") + ": 1 questions left out, which have no answer");
    assertThatThrownBy(() -> read("finqa_json", "b.json", "[{\"id\": \"x\", \"qa\": {\"question\": \"q\"}}]"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("none of its 1 questions has an answer");
  }

  @Test
  void conversationsAboutAPage() throws IOException {
    String dialogue =
        """
        {"conv_questions": ["in 2001?", "and the change?"], "conv_answers": ["120", "20"],
         "turn_program": ["120", "subtract(120, 100)"], "executed_answers": [120.0, 20.0]}
        """;
    List<Conversation> read =
        read(
            "convfinqa_json",
            "a.json",
            """
            {"dev": [{"id": "Single_AA/2001/page_7.pdf-2", "dialogue": %s,
              "doc": {"pre_text": "before", "post_text": ".", "table": {"2001": {"sales": 120.0, "costs": -3}, "2000": {"sales": 100}}}}]}
            """
                .formatted(dialogue));
    assertThat(read).extracting(ReleasesTest::answer).containsExactly("120", "20");
    assertThat(asked(read.get(1)))
        .endsWith(
            "before\n\n| 2001 | 2000\nsales | 120.0 | 100\ncosts | -3 |\n\nQuestion: in 2001?\nAnswer: 120\nQuestion:"
                + " and the change?");
    assertThat(read.get(1).cluster()).as("FinQA's name of the page").contains("aa/2001/page_7.pdf");

    String turn =
        """
        {"id": "Single_AA/2001/page_7.pdf-2_%d", "filename": "AA/2001/page_7.pdf", "pre_text": ["before"], "post_text": [],
         "table": [], "annotation": {"dialogue_break": ["in 2001?", "and the change?"], "turn_program": ["120", "subtract(120, 100)"],
         "exe_ans_list": [120.0, 20.0]%s}}
        """;
    String whole = turn.formatted(0, "");
    assertThat(read("convfinqa_json", "b.json", "[" + whole + "]"))
        .extracting(ReleasesTest::answer)
        .containsExactly("120", "20");
    String byTurns = turn.formatted(0, ", \"turn_ind\": 0") + "," + turn.formatted(1, ", \"turn_ind\": 1");
    assertThat(read("convfinqa_json", "c.json", "[" + byTurns + "]"))
        .extracting(ReleasesTest::answer)
        .containsExactly("120", "20");
  }

  @Test
  void tablesWithParagraphs() throws IOException {
    List<Conversation> read =
        read(
            "tatqa",
            "a.json",
            """
            [{"table": {"uid": "t1", "table": [["", "2019"], ["Sales", "$5"]]},
              "paragraphs": [{"order": 2, "text": "second"}, {"order": 1, "text": "first"}],
              "questions": [
                {"uid": "q1", "question": "change?", "answer": -12.60, "answer_type": "arithmetic", "scale": "million"},
                {"uid": "q2", "question": "share?", "answer": 3.5, "answer_type": "arithmetic", "scale": "percent"},
                {"uid": "q3", "question": "who?", "answer": ["a", "b"], "answer_type": "multi-span", "scale": ""}]}]
            """);
    assertThat(read).extracting(ReleasesTest::answer).containsExactly("-12.6", "3.5%");
    assertThat(asked(read.getFirst()))
        .endsWith("| 2019\nSales | $5\n\nfirst\n\nsecond\n\nQuestion: change? (in millions)");
    assertThat(read.getFirst().cluster()).contains("t1");
    assertThat(remarks).hasSize(1).first().asString().contains("1 of 3 records left out");
  }

  @Test
  void pagesOfTheHubAreCutBeforeTheirQuestions() throws IOException {
    Conversation flare =
        read(
                "finqa",
                "a.jsonl",
                "{\"query\": \"Please answer.\\nContext: page text\\nQuestion: how much?\\nAnswer:\", \"answer\":"
                    + " \"-0.5\"}")
            .getFirst();
    assertThat(asked(flare)).endsWith("only.\npage text\nQuestion: how much?\nAnswer:");
    assertThat(flare.document().orElseThrow().text()).isEqualTo("page text");

    Conversation conversation =
        read(
                "convfinqa",
                "b.jsonl",
                "{\"instruction\": \"Respond: \", \"input\": \"page Question: a? Answer: 1 Question: b?\", \"output\":"
                    + " \"2\"}")
            .getFirst();
    assertThat(asked(conversation)).isEqualTo("Respond:\npage Question: a? Answer: 1 Question: b?");
    assertThat(conversation.document().orElseThrow().messages().apply("").getFirst().content())
        .isEqualTo("Respond:\nQuestion: a? Answer: 1 Question: b?");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "60.94;60.94",
        "subtract(5829, 5735);94",
        "subtract(193.5, const_100), divide(#0, const_100);0.935",
        "multiply(118415, const_m1), add(#0, 49887);-68528",
        "divide(1, 3);0.33333",
        "divide(12%, const_2);0.06",
        "greater(2, 1);yes",
        "greater(const_1, 2.5);no",
        "exp(2, 10);1024",
        "table_average(net sales ( in millions ), none), subtract(#0, const_1);1",
        "table_sum(net sales ( in millions ), none);4",
        "add(1,000, 1);1001",
        "divide(1, 0);",
        "add(#0, 1);",
        "add(x, 1);",
        "table_max(absent, none);",
        "fly(1, 2);",
        "add(1, 2), nonsense;",
      })
  void programsAreExecuted(String program, String result) {
    var table = List.of(List.of("net sales ( in millions )", "$ 1.0 ( 3 )", "3"));
    assertThat(CalculationProgram.execute(program, table)).isEqualTo(Optional.ofNullable(result));
  }

  @ParameterizedTest
  @CsvSource({
    "0.935,93.5%,true",
    "0.01424,1.4%,true",
    "0.0149,1.4%,false",
    "127.4,127.40,true",
    "-0.48214,-0.48,true",
    "94.1,95,true",
    "94,96,false",
    "0.5,50,false",
    "yes,yes,true",
    "yes,no,false",
    "1,yes,false",
    "1,$1,true",
    "1,one,false",
  })
  void resultsAreComparedAsPeopleWriteThem(String result, String stated, boolean same) {
    assertThat(CalculationProgram.isAnswer(result, stated)).isEqualTo(same);
  }

  @Test
  void partsKeepClustersTogetherAndDependOnNothingElse() throws IOException {
    var lines = new StringBuilder();
    for (int i = 0; i < 3000; i++) {
      lines.append("sentence number ").append(i % 1500).append(i % 2 == 0 ? "@positive\n" : "  @neutral\n");
    }
    Path file = Files.writeString(folder.resolve("a.txt"), lines);
    Path description =
        Files.writeString(
            folder.resolve("own.yaml"),
            "use: fpb_sentences\ntrain: a.txt\nsplit: {validation: 0.1, test: 0.2, seed: 7}\n");
    TaskSection task = TaskSection.described(description.toString(), folder, Optional.empty());
    Set<String> train = clusters(task.trainSource());
    Set<String> validation = clusters(task.validationSource().orElseThrow());
    Set<String> test = clusters(task.testSource().orElseThrow());
    assertThat(train.size() + validation.size() + test.size()).as("no cluster twice, none lost").isEqualTo(1500);
    assertThat(validation).hasSizeBetween(110, 190).doesNotContainAnyElementsOf(train);
    assertThat(test).hasSizeBetween(240, 360).doesNotContainAnyElementsOf(train);

    Files.writeString(file, lines + "another@negative\n");
    Set<String> grown = clusters(task.testSource().orElseThrow());
    assertThat(grown).as("what was there stays where it was").containsAll(test);
  }

  private static Set<String> clusters(DataSource source) {
    Set<String> clusters = new HashSet<>();
    source.read(record -> clusters.add(record.cluster().orElseThrow()));
    return clusters;
  }

  // Real files

  @Test
  void phraseBank() {
    List<Conversation> read =
        read("fpb_sentences", SharedFiles.require("data/finance/phrasebank/Sentences_50Agree.txt"));
    assertThat(read).hasSize(4846);
    assertThat(read.stream().map(ReleasesTest::asked).distinct()).hasSize(4838);
  }

  @Test
  void tweets() {
    assertThat(read("twitter_sa", SharedFiles.require("data/finance/tfns/sent_valid.csv"))).hasSize(2388);
  }

  @Test
  void goldHeadlines() {
    List<Conversation> read =
        read("gold_direction", SharedFiles.require("data/finance/gold-headlines/gold-dataset-sinha-khandait.csv"));
    assertThat(read.stream().filter(record -> answer(record).equals("up"))).hasSize(4277);
    assertThat(read.stream().filter(record -> answer(record).equals("constant"))).hasSize(376);
    assertThat(read.stream().filter(record -> answer(record).equals("down"))).hasSize(3783);
    assertThat(remarks).singleElement().asString().contains("2,134 of 10,570 records left out");
  }

  @Test
  void conversationsOfReports() {
    List<Conversation> read =
        read("convfinqa_json", SharedFiles.require("data/finance/convfinqa/convfinqa_dataset.json"));
    assertThat(read).hasSize(1490);
    assertThat(read.stream().map(record -> record.cluster().orElseThrow()).distinct().count()).isEqualTo(218);
    var numbers = new NumberForm();
    assertThat(read).allSatisfy(record -> assertThat(numbers.gold(answer(record))).isPresent());
    // By the data set's own execution, 42 stated answers are wrong too: signs, scales, slips of the pen.
    assertThat(remarks)
        .singleElement()
        .asString()
        .contains("1,490 programs executed, of which 42 do not give the answer");
  }

  @Test
  void programsOfReports() {
    List<Conversation> read =
        read("finqa_json", SharedFiles.require("data/finance/finqa/finbound-F1-finqa_samples.json"));
    read.addAll(read("finqa_json", SharedFiles.require("data/finance/finqa/finbound-F1X-finqa_samples.json")));
    assertThat(read).hasSize(98);
    assertThat(remarks)
        .extracting(remark -> remark.substring(remark.indexOf(": ") + 2).replaceFirst(", such as.*", ""))
        .containsExactly(
            "45 programs executed, of which 3 do not give the answer",
            "5 programs cannot be executed",
            "37 programs executed, of which 12 do not give the answer",
            "1 programs cannot be executed",
            "2 questions left out, which have no answer");
  }

  @Test
  void tablesOfReports() {
    assertThat(read("tatqa", SharedFiles.require("data/finance/tatqa/tatqa_dataset_dev.json"))).hasSize(750);
    assertThat(read("tatqa", SharedFiles.require("data/finance/tatqa/tatqa_dataset_test_gold.json"))).hasSize(739);
    Path secret = SharedFiles.require("data/finance/tatqa/tatqa_dataset_test.json");
    assertThatThrownBy(() -> read("tatqa", secret))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("has an answer");
  }

  @Test
  void wordProblems() {
    Path file = SharedFiles.require("data/general/gsm8k/test.jsonl");
    TaskSection task = TaskSection.described("gsm8k", folder, Optional.of(file));
    var form = new AnswerAfter(task.answerAfter().orElseThrow(), new NumberForm());
    List<EvaluationItem> items = EvaluationItems.read(task.testSource().orElseThrow());
    assertThat(items).hasSize(1319).allSatisfy(item -> assertThat(form.gold(item.gold())).isPresent());
    assertThat(form.gold(items.getFirst().gold())).contains("18");
  }
}
