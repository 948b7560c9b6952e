package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.LeakAudit.DataSet;
import dev.cocktail.trainer.data.LeakAudit.Pair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeakAuditTest {
  @TempDir private Path folder;

  private DataSet set(String task, DataPart.Kind kind, String text) throws IOException {
    Path file = Files.writeString(folder.resolve(task + "." + kind + ".jsonl"), text);
    return new DataSet(task, kind, DataSource.of(file));
  }

  private static LeakAudit audit(DataSet... sets) {
    return LeakAudit.of(List.of(sets), _ -> {});
  }

  @Test
  void everyTrainingSetIsComparedWithEveryHeldOutSet() throws IOException {
    DataSet a =
        set(
            "a",
            DataPart.Kind.TRAIN,
            """
            {"prompt": "Gold rises https://t.co/x1", "completion": "up"}
            {"prompt": "gold  RISES", "completion": "up"}
            {"prompt": "silver", "completion": "down", "cluster": "Page 7"}
            """);
    DataSet b = set("b", DataPart.Kind.TRAIN, "{\"prompt\": \"tin\", \"completion\": \"up\", \"cluster\": 7}\n");
    DataSet test =
        set(
            "a",
            DataPart.Kind.TEST,
            """
            {"prompt": " Gold rises http://t.co/other", "completion": "down"}
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "gold rises"}, {"role": "assistant", "content": "up"}]}
            {"prompt": "copper", "completion": "up", "cluster": "page 7"}
            {"prompt": "silver", "completion": "down", "cluster": "page 7"}
            {"prompt": "zinc", "completion": "down", "cluster": 7}
            """);
    DataSet validation =
        set("b", DataPart.Kind.VALIDATION, "{\"prompt\": \"lead\", \"completion\": \"up\", \"cluster\": 7}\n");

    LeakAudit audit = audit(a, b, test, validation);

    assertThat(audit.pairs())
        .extracting(Pair::train, Pair::heldOut, Pair::kind, Pair::sameText, Pair::sameSource, Pair::either)
        .containsExactly(
            tuple("a", "a", DataPart.Kind.TEST, 3, 2, 4),
            tuple("a", "b", DataPart.Kind.VALIDATION, 0, 0, 0),
            // A plain number names a source within its own task only.
            tuple("b", "a", DataPart.Kind.TEST, 0, 0, 0),
            tuple("b", "b", DataPart.Kind.VALIDATION, 0, 1, 1));
    Pair first = audit.pairs().getFirst();
    assertThat(first.records()).isEqualTo(5);
    assertThat(first.share()).isEqualTo(0.8);
    assertThat(first.trainRecords()).isEqualTo(3);
    assertThat(first.places()).hasSize(4);
    assertThat(first.places().getFirst())
        .isEqualTo(new LeakAudit.Places(test.source().file() + ":1", a.source().file() + ":1"));
    assertThat(audit.overlapping()).hasSize(2);
    assertThat(audit.findings())
        .containsExactly(
            "task a: of its 5 test examples, some are training examples too: 3 as the same text and 2 from the same"
                + " source in task a, such as %s:1 and %s:1".formatted(test.source().file(), a.source().file()),
            "task b: of its 1 validation examples, some are training examples too: 1 from the same source in task b,"
                + " such as %s:1 and %s:1".formatted(validation.source().file(), b.source().file()));
  }

  @Test
  void whatIsHeldOutCanBeKeptAndLeftOut() throws IOException {
    DataSet train =
        set(
            "a",
            DataPart.Kind.TRAIN,
            "{\"prompt\": \"x\", \"completion\": \"1\"}\n{\"prompt\": \"Y\", \"completion\": \"1\"}\n");
    DataSet test = set("b", DataPart.Kind.TEST, "{\"prompt\": \"y \", \"completion\": \"2\", \"cluster\": \"c\"}\n");
    LeakAudit audit = audit(train, test);
    assertThat(audit.heldOut().size()).as("a text and a source").isEqualTo(2);

    Path file = folder.resolve("held-out.txt");
    audit.heldOut().write(file);
    HeldOut read = HeldOut.read(file);
    assertThat(read.size()).isEqualTo(2);
    List<Boolean> heldOut = new ArrayList<>();
    train.source().read(record -> heldOut.add(read.contains(Fingerprint.of("a", record))));
    assertThat(heldOut).containsExactly(false, true);
    read.write(folder.resolve("again.txt"));
    assertThat(folder.resolve("again.txt")).hasSameTextualContentAs(file);

    Files.writeString(file, "0123\n");
    assertThatThrownBy(() -> HeldOut.read(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ":1: no fingerprint");
    assertThatThrownBy(() -> HeldOut.read(folder.resolve("absent")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("cannot be read");
  }

  // Real files

  private DataSet shared(String description, DataPart.Kind kind, String file) {
    Path path = SharedFiles.require("data/finance/" + file);
    return new DataSet(description, kind, TaskSection.described(description, folder, Optional.of(path)).trainSource());
  }

  @Test
  void tweetsOfTheValidationFileRecurInTheTrainingFile() {
    Path train = SharedFiles.require("data/finance/tfns/sent_train.csv");
    Path validation = SharedFiles.require("data/finance/tfns/sent_valid.csv");
    // Without a template the column text is all there is of a record.
    Pair pair =
        audit(
                new DataSet("tweets", DataPart.Kind.TRAIN, DataSource.of(train)),
                new DataSet("tweets", DataPart.Kind.VALIDATION, DataSource.of(validation)))
            .pairs()
            .getFirst();
    assertThat(pair.records()).isEqualTo(2388);
    // With nothing but the addresses removed there are 38; white space hides another.
    assertThat(pair.sameText()).isEqualTo(39);
  }

  @Test
  void pagesOfOneDataSetAreInTheOther() {
    Pair pair =
        audit(
                shared("convfinqa_json", DataPart.Kind.TRAIN, "convfinqa/convfinqa_dataset.json"),
                shared("finqa_json", DataPart.Kind.TEST, "finqa/finbound-F1-finqa_samples.json"))
            .pairs()
            .getFirst();
    assertThat(pair.records()).isEqualTo(50);
    assertThat(pair.sameSource()).isEqualTo(42);
    assertThat(pair.sameText()).isZero();
  }

  @Test
  void partsOfOneFileShareNothing() throws IOException {
    Path sentences = SharedFiles.require("data/finance/phrasebank/Sentences_50Agree.txt");
    Path own =
        Files.writeString(
            folder.resolve("own.yaml"),
            "use: fpb_sentences\nsplit: {validation: 0.1, test: 0.2}\ntrain: '" + sentences + "'\n");
    TaskSection task = TaskSection.described(own.toString(), folder, Optional.empty());
    LeakAudit audit = LeakAudit.of(task.dataSets(), _ -> {});
    assertThat(audit.overlapping()).isEmpty();
    assertThat(audit.pairs())
        .extracting(Pair::records)
        .satisfiesExactly(
            validation -> assertThat(validation).isBetween(420, 550), test -> assertThat(test).isBetween(890, 1050));
  }
}
