package dev.cocktail.trainer;

import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.DataPart;
import dev.cocktail.trainer.data.Fingerprint;
import dev.cocktail.trainer.data.HeldOut;
import dev.cocktail.trainer.data.LeakAudit;
import dev.cocktail.trainer.data.SourceRecord;
import dev.cocktail.transformer.text.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** The words of a run's training examples, before there is a tokenizer for them. */
public final class RunText {
  private RunText() {}

  /**
   * All that is said in training examples, in their order. What the run leaves out of them, as {@code
   * training.leave_out} and {@code training.on_shared_examples: exclude} say, is not among it.
   *
   * @param notes told what the files' readers remark
   * @throws dev.cocktail.tensor.InvalidInputException naming file and line of what is wrong
   */
  public static List<String> ofTraining(RunFile run, Consumer<String> notes) {
    HeldOut leaveOut = run.training().leaveOut().map(HeldOut::read).orElse(HeldOut.NOTHING);
    var audit = new LeakAudit.Collector();
    if (run.training().onSharedExamples() == LeakAudit.Policy.EXCLUDE) {
      for (TaskSection task : run.tasks()) {
        task.validationSource()
            .ifPresent(source -> source.read(record -> audit.add(task.name(), DataPart.Kind.VALIDATION, record)));
        task.testSource()
            .ifPresent(source -> source.read(record -> audit.add(task.name(), DataPart.Kind.TEST, record)));
      }
    }
    List<String> texts = new ArrayList<>();
    for (TaskSection task : run.tasks()) {
      task.trainSource()
          .read(record -> {
            Fingerprint print = Fingerprint.of(task.name(), record);
            if (!leaveOut.contains(print) && !audit.isHeldOut(print)) {
              texts.addAll(words(record));
            }
          })
          .forEach(remark -> notes.accept("task " + task.name() + ": " + remark));
    }
    return texts;
  }

  private static List<String> words(SourceRecord record) {
    return switch (record) {
      case SourceRecord.PlainText plain -> List.of(plain.text());
      case SourceRecord.Completion pair -> List.of(pair.prompt(), pair.completion());
      case SourceRecord.Conversation conversation -> conversation.messages().stream().map(Message::content).toList();
    };
  }
}
