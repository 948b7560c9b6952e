package dev.cocktail.tensor;

/**
 * A mark among the operations of a device, to learn how long those between two marks took. It can be set again and
 * again; only its last place counts.
 */
public interface Moment {
  /** Puts the mark behind all operations issued so far. Does not wait for them. */
  void mark();

  /** Nanoseconds between the places of an earlier mark and this one; waits until both are reached. */
  long nanosSince(Moment earlier);

  /** A mark on the host's clock, for devices whose operations are done when they return. */
  static Moment onHost() {
    return new HostMoment();
  }
}
