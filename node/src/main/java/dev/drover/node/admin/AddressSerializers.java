package dev.drover.node.admin;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.SerializerProvider;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Addresses in dumps as numbers, never looked up. */
final class AddressSerializers {
    private AddressSerializers() {}

    static final class Host extends JsonSerializer<InetAddress> {
        @Override
        public void serialize(InetAddress value, JsonGenerator generator, SerializerProvider provider)
                throws IOException {
            generator.writeString(NetUtil.toAddressString(value));
        }
    }

    static final class Socket extends JsonSerializer<InetSocketAddress> {
        @Override
        public void serialize(InetSocketAddress value, JsonGenerator generator, SerializerProvider provider)
                throws IOException {
            generator.writeString(value.getAddress().getHostAddress() + ":" + value.getPort());
        }
    }
}
