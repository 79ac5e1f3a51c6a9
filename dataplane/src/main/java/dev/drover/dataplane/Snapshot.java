package dev.drover.dataplane;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * One immutable value per concern, handed from cold code to the event loops.
 *
 * <p>A writer builds the value off-thread and {@linkplain #publish publishes} it by a release store; readers acquire it
 * once per batch. Two references that must agree belong in one value. Safe for many readers; writers must be serialised
 * by their owner.
 */
public final class Snapshot<T> {
    private static final VarHandle VALUE;

    static {
        try {
            VALUE = MethodHandles.lookup().findVarHandle(Snapshot.class, "value", Object.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @SuppressWarnings("FieldMayBeFinal") // written through VALUE
    private Object value;

    public Snapshot(T initial) {
        value = initial;
    }

    /** The value published last; call once per batch and keep the reference. Never blocks, never allocates. */
    @SuppressWarnings("unchecked")
    public T read() {
        return (T) VALUE.getAcquire(this);
    }

    /** Makes {@code next} visible to every later {@link #read}; returns false, and does nothing, if it is the same object. */
    @SuppressWarnings("ReferenceEquality") // identity is the change check
    public boolean publish(T next) {
        if (value == next) {
            return false;
        }
        VALUE.setRelease(this, next);
        return true;
    }
}
