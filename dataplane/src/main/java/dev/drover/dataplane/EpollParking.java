package dev.drover.dataplane;

import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoOps;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoOps;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Netty's epoll handler without its forgetfulness: since netty/netty#16689 (4.2.13) a descriptor that waits for nothing
 * is taken out of the epoll set, but when it wants to wait again it is modified, not added, and that fails with ENOENT.
 * Every half-closed connection ends there once its peer reads slowly. Here such a descriptor is deregistered as a whole
 * and registered anew. To be deleted with the Netty version that remembers.
 */
final class EpollParking implements IoHandler {
    private final IoHandler epoll;
    private final Set<Parking> parked = new HashSet<>();

    private EpollParking(IoHandler epoll) {
        this.epoll = epoll;
    }

    static IoHandlerFactory over(IoHandlerFactory epoll) {
        return executor -> new EpollParking(epoll.newHandler(executor));
    }

    @Override
    public void initialize() {
        epoll.initialize();
    }

    @Override
    public int run(IoHandlerContext context) {
        return epoll.run(context);
    }

    @Override
    public void prepareToDestroy() {
        List<Parking> left = new ArrayList<>(parked);
        epoll.prepareToDestroy();
        left.forEach(Parking::closeHandle);
    }

    @Override
    public void destroy() {
        epoll.destroy();
    }

    @Override
    public IoRegistration register(IoHandle handle) throws Exception {
        return new Parking(handle, epoll.register(handle));
    }

    @Override
    public void wakeup() {
        epoll.wakeup();
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> handleType) {
        return epoll.isCompatible(handleType);
    }

    /** A registration that survives waiting for nothing; used on the loop's thread. */
    private final class Parking implements IoRegistration {
        private final IoHandle handle;
        private IoRegistration registration;
        private boolean cancelled;

        Parking(IoHandle handle, IoRegistration registration) {
            this.handle = handle;
            this.registration = registration;
        }

        @Override
        @SuppressWarnings("TypeParameterUnusedInFormals") // as the interface has it
        public <T> @Nullable T attachment() {
            return registration.attachment();
        }

        @Override
        public long submit(IoOps ops) {
            if (cancelled) {
                return -1;
            }
            if (ops.equals(EpollIoOps.NONE)) {
                if (parked.add(this)) {
                    registration.cancel();
                }
                return 0;
            }
            if (parked.remove(this)) {
                try {
                    registration = epoll.register(handle);
                } catch (Exception e) {
                    throw new IllegalStateException("epoll: descriptor not registered again", e);
                }
            }
            return registration.submit(ops);
        }

        @Override
        public boolean isValid() {
            return !cancelled && (parked.contains(this) || registration.isValid());
        }

        @Override
        public boolean cancel() {
            if (cancelled) {
                return false;
            }
            cancelled = true;
            return parked.remove(this) || registration.cancel();
        }

        void closeHandle() {
            try {
                handle.close();
            } catch (Exception e) {
                throw new IllegalStateException("epoll: descriptor not closed", e);
            }
        }
    }
}
