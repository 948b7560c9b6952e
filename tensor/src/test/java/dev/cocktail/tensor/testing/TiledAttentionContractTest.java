package dev.cocktail.tensor.testing;

import static dev.cocktail.tensor.AttentionShape.NO_WINDOW;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Device;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Attention at sizes where tiled kernels change their ways, judged by the reference: one past tiles of 32, 64 and 128
 * tokens, empty and one-token sequences between long ones, windows shorter and longer than a tile, shared key heads,
 * every head dimension that tensor cores take and some that they do not, caches longer than a block reads.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class TiledAttentionContractTest {
  private record Case(AttentionShape shape, Integer... pack) {
    @Override
    public String toString() {
      return shape + " of " + Arrays.toString(pack);
    }
  }

  private static final List<Case> CASES =
      List.of(
          new Case(new AttentionShape(2, 2, 96, 0.1, NO_WINDOW), 130, 0, 1, 64),
          new Case(new AttentionShape(2, 1, 96, 0.1, 20), 33, 129),
          new Case(new AttentionShape(4, 1, 128, 0.09, 70), 161, 1),
          new Case(new AttentionShape(3, 1, 64, 0.125, 128), 257),
          new Case(new AttentionShape(1, 1, 16, 0.25, 1), 65, 64),
          new Case(new AttentionShape(2, 1, 32, 0.2, NO_WINDOW), 63, 66),
          new Case(new AttentionShape(1, 1, 48, 0.15, 47), 97),
          new Case(new AttentionShape(1, 1, 48, 0.15, NO_WINDOW), 50),
          new Case(new AttentionShape(2, 2, 80, 0.11, NO_WINDOW), 5, 67),
          new Case(new AttentionShape(1, 1, 112, 0.1, 63), 100),
          new Case(new AttentionShape(2, 1, 144, 0.08, 40), 70),
          new Case(new AttentionShape(2, 1, 24, 0.2, NO_WINDOW), 34, 33),
          new Case(new AttentionShape(1, 1, 16, -0.25, NO_WINDOW), 70));

  private final ReferenceDevice reference = new ReferenceDevice();
  private Device device;

  /** The device under test. */
  protected abstract Device open();

  @BeforeAll
  void openDevice() {
    device = open();
  }

  @AfterAll
  void closeDevices() {
    device.close();
    reference.close();
  }

  @Test
  void attention() {
    for (Case one : CASES) {
      try (Trial trial = trial("attention " + one)) {
        int tokens = Arrays.stream(one.pack).mapToInt(Integer::intValue).sum();
        Operand qkv = trial.activation(tokens, one.shape.qkvWidth());
        AttentionTrials.attention(trial, one.shape, qkv, one.pack);
      }
    }
  }

  @Test
  void attentionBackward() {
    for (Case one : CASES) {
      try (Trial trial = trial("attentionBackward " + one)) {
        int tokens = Arrays.stream(one.pack).mapToInt(Integer::intValue).sum();
        double[] qkv = trial.normal(1, tokens, one.shape.qkvWidth());
        AttentionTrials.attentionBackward(trial, one.shape, qkv, one.pack);
      }
    }
  }

  /** Small scores, so that every visible key weighs as much: one too many or too few shows. */
  @Test
  void windowsBeginAnywhereInATile() {
    for (int window : new int[] {2, 15, 16, 17, 31, 32, 33, 34, 47, 48, 49, 50, 63, 64, 65, 66}) {
      var shape = new AttentionShape(2, 1, 16, 0.05, window);
      try (Trial trial = trial("attention " + shape)) {
        AttentionTrials.attention(trial, shape, trial.activation(113, shape.qkvWidth()), 113);
      }
      try (Trial trial = trial("attentionBackward " + shape)) {
        AttentionTrials.attentionBackward(trial, shape, trial.normal(1, 113, shape.qkvWidth()), 113);
      }
    }
  }

  @Test
  void attentionDecode() {
    for (AttentionShape shape :
        List.of(
            new AttentionShape(2, 2, 96, 0.1, NO_WINDOW),
            new AttentionShape(4, 1, 128, 0.09, 300),
            new AttentionShape(6, 1, 16, 0.25, NO_WINDOW),
            new AttentionShape(4, 1, 18, 0.25, NO_WINDOW),
            new AttentionShape(2, 2, 18, 0.25, NO_WINDOW),
            new AttentionShape(3, 1, 20, 0.2, 257))) {
      try (Trial trial = trial("attentionDecode " + shape)) {
        AttentionTrials.attentionDecode(trial, shape, 600, 1, 256, 600, 257);
      }
    }
  }

  private Trial trial(String what) {
    return new Trial(what, List.of(device), reference);
  }
}
