package dev.cocktail.tensor;

/** A time on the host's clock. */
final class HostMoment implements Moment {
  private long nanos;

  @Override
  public void mark() {
    nanos = System.nanoTime();
  }

  @Override
  public long nanosSince(Moment earlier) {
    return nanos - ((HostMoment) earlier).nanos;
  }
}
