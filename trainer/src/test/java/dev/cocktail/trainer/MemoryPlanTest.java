package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.kernels.CudaDevice;
import dev.cocktail.kernels.blas.PlanningBlas;
import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.PlanningDriver;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.transformer.Phi3Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Predictions on a planner; no GPU is needed, since nothing is computed. */
class MemoryPlanTest {
  private static final GpuInfo GPU = new GpuInfo("planned", 0, 8, 0, 108, 99 << 10, 80L << 30, 12_000);

  /** More tokens of validation examples than a batch holds. */
  private static final int MANY = 1 << 20;

  @TempDir static Path temporary;

  private static RunFile run(String training) {
    Path model = GoldenAdapters.bundled(temporary).model();
    String yaml =
        """
        model: %s
        tasks: [{name: colours, train: train.jsonl, validation: validation.jsonl}]
        training: {max_steps: 4, max_length: 64, tokens_per_step: 16384, micro_batch_tokens: 16384%s}
        """
            .formatted(model, training);
    return RunFile.parse(yaml, "run.yaml", temporary, "run");
  }

  private static Optional<Boolean> choose(RunFile run, long available, List<String> notes) {
    return choose(run, MANY, available, notes);
  }

  private static Optional<Boolean> choose(RunFile run, int validationTokens, long available, List<String> notes) {
    try (Device device = new DeviceOfSize(available)) {
      return Optional.of(MemoryPlan.of(run, validationTokens, device).chooseCheckpointing(notes::add));
    }
  }

  /** The prediction that a note states, in MiB. */
  private static long predicted(String note) {
    Matcher matcher = Pattern.compile("memory: ([0-9,]+) MiB at most").matcher(note);
    assertThat(matcher.find()).as(note).isTrue();
    return Long.parseLong(matcher.group(1).replace(",", ""));
  }

  @Test
  void keepsLayersWhereTheyFitAndRecomputesThemWhereOnlyThatFits() {
    List<String> notes = new ArrayList<>();
    assertThat(choose(run(""), 8L << 30, notes)).contains(false);
    assertThat(choose(run(", checkpoint_layers: true"), 8L << 30, notes)).contains(true);
    long stored = predicted(notes.get(0));
    long recomputed = predicted(notes.get(1));
    assertThat(recomputed).isLessThan(stored);

    assertThat(choose(run(""), (stored - 1) << 20, notes)).contains(true);
    assertThat(predicted(notes.get(2))).isEqualTo(recomputed);
    assertThat(notes.get(2)).contains("keeping them all would take");
  }

  @Test
  void refusesWhatCannotFitWithSettingsThatDo() {
    List<String> notes = new ArrayList<>();
    choose(run(", checkpoint_layers: true"), 8L << 30, notes);
    long available = (predicted(notes.getFirst()) - 1) << 20;
    assertThatThrownBy(() -> choose(run(""), available, notes))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("micro_batch_tokens: 8192");
    RunFile smaller = run(", checkpoint_layers: true");
    RunFile advised =
        RunFile.parse(
            smaller.toYaml().replace("micro_batch_tokens: 16384", "micro_batch_tokens: 8192"),
            "run.yaml",
            temporary,
            "run");
    assertThat(choose(advised, available, notes)).contains(true);
    assertThatThrownBy(() -> choose(run(", checkpoint_layers: false"), available, notes))
        .isInstanceOf(InvalidInputException.class);
  }

  /** A run whose validation takes far more memory than its steps. */
  private static RunFile validating(int batchTokens) {
    String yaml = run("").toYaml().replaceAll("(tokens_per_step|micro_batch_tokens): 16384", "$1: 64");
    yaml = yaml.replace("batch_tokens: null", "batch_tokens: " + batchTokens);
    return RunFile.parse(yaml, "run.yaml", temporary, "run");
  }

  @Test
  void aSmallValidationSetTakesLessThanABatchOfTheRunFilesSize() {
    List<String> notes = new ArrayList<>();
    choose(validating(1 << 17), MANY, 8L << 30, notes);
    choose(validating(1 << 17), 128, 8L << 30, notes);
    choose(validating(128), MANY, 8L << 30, notes);
    assertThat(predicted(notes.get(1))).isLessThan(predicted(notes.get(0))).isEqualTo(predicted(notes.get(2)));
    // So a run is not refused for examples that are not there.
    assertThat(choose(validating(1 << 17), 128, predicted(notes.get(1)) << 20, notes)).isPresent();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void evaluationsNeedNoMoreThanTrainingWhereTheRunFileDoesNotSaySo(boolean checkpointLayers) {
    RunFile run = run(", checkpoint_layers: " + checkpointLayers);
    RunFile answering =
        RunFile.parse(run.toYaml().replace("metric: null", "metric: exact_match"), "run.yaml", temporary, "run");
    assertThat(answering.tasks().getFirst().metric()).isPresent();
    List<String> notes = new ArrayList<>();
    choose(run, 0, 8L << 30, notes);
    choose(answering, MANY, 8L << 30, notes);
    assertThat(predicted(notes.get(1))).isEqualTo(predicted(notes.get(0)));
    assertThat(run.evaluation().tokensAtOnce(run.training())).isEqualTo(run.training().microBatchTokens());
  }

  @Test
  void advisesSmallerBatchesOfValidationWhereTheseDoNotFit() {
    List<String> notes = new ArrayList<>();
    choose(validating(1 << 16), 8L << 30, notes);
    long available = (predicted(notes.getFirst()) - 1) << 20;
    assertThatThrownBy(() -> choose(validating(1 << 17), available, notes))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("training: {checkpoint_layers: true}, evaluation: {batch_tokens: 32768}");
    assertThat(choose(validating(1 << 15), available, notes)).isPresent();
  }

  @Test
  void aModelThatIsOpenAlreadyDoesNotCountTwice() {
    List<String> notes = new ArrayList<>();
    RunFile run = run("");
    choose(run, 8L << 30, notes);
    long all = predicted(notes.getFirst()) << 20;
    try (Device empty = new DeviceOfSize(all);
        Phi3Model model = Phi3Model.load(run.model(), empty)) {
      long weights = model.weights().values().stream().mapToLong(weight -> weight.value().byteSize()).sum();
      assertThat(weights).isPositive();
      try (Device loaded = new DeviceOfSize(all - weights)) {
        assertThat(MemoryPlan.of(run, MANY, loaded).on(model).chooseCheckpointing(notes::add)).isFalse();
        assertThat(MemoryPlan.of(run, MANY, loaded).chooseCheckpointing(notes::add)).isTrue();
      }
    }
  }

  @Test
  void saysWhenTheModelItselfIsTooLarge() {
    assertThatThrownBy(() -> choose(run(""), 1 << 20, new ArrayList<>()))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("the model itself")
        .hasMessageContaining("cuda:0");
  }

  @Test
  void leavesTheProcessorAlone() {
    List<String> notes = new ArrayList<>();
    try (Device cpu = new CpuDevice(1)) {
      assertThat(MemoryPlan.of(run(""), MANY, cpu).chooseCheckpointing(notes::add)).isFalse();
      assertThat(MemoryPlan.of(run(", checkpoint_layers: true"), MANY, cpu).chooseCheckpointing(notes::add)).isTrue();
    }
    assertThat(notes).isEmpty();
  }

  /** A planned GPU with so much memory left. */
  private static final class DeviceOfSize implements Device {
    private final Device planned = new CudaDevice(new PlanningDriver(GPU, 2 << 20), new PlanningBlas(), DType.BF16);
    private final long available;

    DeviceOfSize(long available) {
      this.available = available;
    }

    @Override
    public String name() {
      return planned.name();
    }

    @Override
    public String description() {
      return planned.description();
    }

    @Override
    public Ops ops() {
      return planned.ops();
    }

    @Override
    public DType activationType() {
      return planned.activationType();
    }

    @Override
    public TensorArena openArena(String name) {
      return planned.openArena(name);
    }

    @Override
    public Tensor adopt(TensorArena arena, Tensor host) {
      return planned.adopt(arena, host);
    }

    @Override
    public void copyFromHost(Tensor target, Tensor host) {
      planned.copyFromHost(target, host);
    }

    @Override
    public void copyToHost(Tensor host, Tensor source) {
      planned.copyToHost(host, source);
    }

    @Override
    public void synchronize() {
      planned.synchronize();
    }

    @Override
    public long availableBytes() {
      return available;
    }

    @Override
    public Optional<Device> openPlanner() {
      return planned.openPlanner();
    }

    @Override
    public long reservedBytes() {
      return planned.reservedBytes();
    }

    @Override
    public long peakReservedBytes() {
      return planned.peakReservedBytes();
    }

    @Override
    public void close() {
      planned.close();
    }
  }
}
