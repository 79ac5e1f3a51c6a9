package dev.drover.lb;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A small server on a free loopback port; one virtual thread per connection. */
final class Origin implements AutoCloseable {
    /** What a connection is given to. */
    interface Service {
        void serve(Socket socket, InputStream in, OutputStream out) throws IOException;
    }

    /** Answers one HTTP request with the bytes of a whole response. */
    interface Answer {
        String to(Request request) throws IOException;
    }

    /** A request as it came. */
    record Request(String head, String body) {
        String line() {
            return head.substring(0, head.indexOf("\r\n"));
        }

        String path() {
            return line().split(" ")[1];
        }
    }

    final List<Request> requests = new CopyOnWriteArrayList<>();
    final AtomicInteger connections = new AtomicInteger();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final ServerSocket server;
    private final Service service;

    Origin(Service service) {
        this(service, 0);
    }

    Origin(Service service, int port) {
        this.service = service;
        try {
            server = new ServerSocket();
            server.setReuseAddress(true);
            server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1024);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread.ofVirtual().start(this::accept);
    }

    /** An HTTP/1.1 server with keep-alive. */
    static Origin http(Answer answer) {
        return http(answer, 0);
    }

    static Origin http(Answer answer, int port) {
        Origin[] self = new Origin[1];
        Service service = (socket, in, out) -> {
            Request request;
            while ((request = readRequest(in)) != null) {
                self[0].requests.add(request);
                String response = answer.to(request);
                out.write(response.getBytes(StandardCharsets.ISO_8859_1));
                out.flush();
                if (response.contains("Connection: close")) {
                    return;
                }
            }
        };
        synchronized (self) {
            self[0] = new Origin(service, port);
        }
        return self[0];
    }

    /** An HTTP/1.1 server that answers everything with its name. */
    static Origin named(String name) {
        return http(request -> ok(name));
    }

    static String ok(String body) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
    }

    /** Reads a request with its body; null at the end of the connection. */
    static Request readRequest(InputStream in) throws IOException {
        String head = Wire.readHead(in);
        if (head == null) {
            return null;
        }
        return new Request(head, Wire.readBody(in, head, false));
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                open.add(socket);
                connections.incrementAndGet();
                Thread.ofVirtual().start(() -> serve(socket));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            socket.setTcpNoDelay(true);
            service.serve(socket, new BufferedInputStream(socket.getInputStream()), socket.getOutputStream());
        } catch (IOException e) {
            // The other side went away, or the test closed this server.
        } finally {
            open.remove(socket);
        }
    }

    InetSocketAddress address() {
        return (InetSocketAddress) server.getLocalSocketAddress();
    }

    int openConnections() {
        return open.size();
    }

    /** Stops listening and resets every connection, as a killed process does. */
    void kill() {
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        open.forEach(Origin::reset);
    }

    static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            // Closed already.
        }
    }

    @Override
    public void close() {
        kill();
    }

    static byte[] readAll(InputStream in) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        in.transferTo(all);
        return all.toByteArray();
    }
}
