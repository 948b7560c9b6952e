package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.Device;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

/**
 * What every device's operations must do, judged by {@link ReferenceOps}: each operation on random numbers over ugly
 * sizes, with all the types, optional arguments and shared memory that {@link dev.cocktail.tensor.Ops} allows, and what
 * it must refuse. A device passes by extending this class; its memory need not be on the host. The parts are
 * interfaces, one a family of operations.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class OpsContractTest
    implements ElementwiseContract,
        MatrixContract,
        RowContract,
        CrossEntropyContract,
        AttentionContract,
        OptimiserContract,
        RefusalContract {
  private final ReferenceDevice reference = new ReferenceDevice();
  private final List<Device> tested = new ArrayList<>();

  /** The device under test. */
  protected abstract Device open();

  /** Other devices that must give the same bits, such as one with another number of threads. */
  protected List<Device> openTwins() {
    return List.of();
  }

  /** How many elements behind a well aligned address every tensor begins. */
  protected int offset() {
    return 0;
  }

  @BeforeAll
  void openDevices() {
    tested.add(open());
    tested.addAll(openTwins());
  }

  @AfterAll
  void closeDevices() {
    tested.forEach(Device::close);
    reference.close();
  }

  @Override
  public final Trial trial(String what) {
    return new Trial(what, tested, reference, offset());
  }
}
