package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.ResourceLeakDetector;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.slf4j.LoggerFactory;

/** Fails a test class when Netty's leak detector, or its pipeline, complained while it ran. */
public final class LeakGuard implements BeforeAllCallback, AfterAllCallback {
    private static final List<String> COMPLAINTS = new CopyOnWriteArrayList<>();

    static {
        AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
            @Override
            protected void append(ILoggingEvent event) {
                COMPLAINTS.add(event.getLoggerName() + ": " + event.getFormattedMessage());
            }
        };
        appender.start();
        ((Logger) LoggerFactory.getLogger("io.netty.util.ResourceLeakDetector")).addAppender(appender);
        // "An exception was caught but reached the tail of the pipeline", "discarded inbound message".
        ((Logger) LoggerFactory.getLogger("io.netty.channel.DefaultChannelPipeline")).addAppender(appender);
        ((Logger) LoggerFactory.getLogger("io.netty.util.concurrent.DefaultPromise")).addAppender(appender);
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        assertThat(ResourceLeakDetector.getLevel()).isEqualTo(ResourceLeakDetector.Level.PARANOID);
        COMPLAINTS.clear();
    }

    @Override
    public void afterAll(ExtensionContext context) {
        for (int i = 0; i < 3; i++) {
            System.gc();
            // Leaks are reported when the next buffer is made.
            PooledByteBufAllocator.DEFAULT.directBuffer().release();
            PooledByteBufAllocator.DEFAULT.heapBuffer().release();
            io.netty.buffer.ByteBufAllocator.DEFAULT.directBuffer().release();
        }
        assertThat(COMPLAINTS).isEmpty();
    }
}
