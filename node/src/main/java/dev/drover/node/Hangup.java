package dev.drover.node;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;

/**
 * Runs something at SIGHUP. By reflection, since using {@code sun.misc.Signal}, the only API the JDK has for signals and
 * exported on purpose by {@code jdk.unsupported}, is a compiler warning that cannot be suppressed.
 */
final class Hangup {
    private Hangup() {}

    /** @throws IllegalStateException when this JVM does not hand out signals, as with {@code -Xrs} */
    @SuppressWarnings("ReferenceEquality") // a handler is equal to itself alone
    static void onSignal(Runnable task) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            InvocationHandler run = (proxy, method, arguments) -> switch (method.getName()) {
                case "handle" -> {
                    task.run();
                    yield null;
                }
                case "hashCode" -> System.identityHashCode(proxy);
                case "equals" -> proxy == arguments[0];
                default -> "hangup";
            };
            Object proxy = Proxy.newProxyInstance(Hangup.class.getClassLoader(), new Class<?>[] {handler}, run);
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance("HUP"), proxy);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("signal HUP: cannot be handled: " + e.getMessage(), e);
        }
    }
}
