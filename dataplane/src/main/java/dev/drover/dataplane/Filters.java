package dev.drover.dataplane;

import java.nio.ByteBuffer;

/**
 * Programs of traffic control at the interfaces of one namespace (clsact, {@code tc-bpf(8)}). Every method is
 * one request and waits for the kernel's answer. Thread-safe. A refusal is a {@link SysException} with the kernel's words.
 */
public final class Filters {
    private static final int HANDLE = 1;
    private static final int TCMSG_BYTES = 20;

    private final NetlinkSocket socket;

    Filters(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Where packets pass a program. */
    enum Hook {
        /** Packets that come in by the interface. */
        INGRESS(Nl.TC_H_CLSACT_INGRESS),
        /** Packets that go out by the interface. */
        EGRESS(Nl.TC_H_CLSACT_EGRESS);

        private final int parent;

        Hook(int parent) {
            this.parent = parent;
        }
    }

    /** Gives an interface the places where filters are hung, clsact; false when it has them. */
    boolean ensureHooks(int interfaceIndex) {
        NlMessage message = trafficControl(
                        Nl.RTM_NEWQDISC,
                        Nl.F_CREATE | Nl.F_EXCL,
                        interfaceIndex,
                        Nl.TC_H_CLSACT_HANDLE,
                        Nl.TC_H_CLSACT,
                        0)
                .attributeString(Nl.TCA_KIND, "clsact");
        return Links.tolerate(
                Sys.EEXIST, () -> socket.request("create clsact of interface " + interfaceIndex, message));
    }

    /**
     * Hangs a program up, in the place of one with the same priority. Each packet passes one of both.
     *
     * @param priority the lowest is asked first
     * @param program descriptor; the filter holds the program from then on
     */
    void replace(int interfaceIndex, Hook hook, int priority, int program, String name) {
        NlMessage message = filter(Nl.RTM_NEWTFILTER, Nl.F_CREATE | Nl.F_REPLACE, interfaceIndex, hook, priority)
                .attributeString(Nl.TCA_KIND, "bpf")
                .nest(
                        Nl.TCA_OPTIONS,
                        options -> options.attributeU32(Nl.TCA_BPF_FD, program)
                                .attributeString(Nl.TCA_BPF_NAME, name)
                                .attributeU32(Nl.TCA_BPF_FLAGS, Nl.TCA_BPF_FLAG_ACT_DIRECT));
        socket.request("filter " + name + " of interface " + interfaceIndex, message);
    }

    /** Takes a program away; false when there is none. */
    boolean remove(int interfaceIndex, Hook hook, int priority) {
        NlMessage message =
                filter(Nl.RTM_DELTFILTER, 0, interfaceIndex, hook, priority).attributeString(Nl.TCA_KIND, "bpf");
        try {
            socket.request("remove filter of interface " + interfaceIndex, message);
            return true;
        } catch (SysException e) {
            if (e.errno() == Sys.ENOENT || e.errno() == Sys.EINVAL || e.errno() == Sys.ENODEV) {
                return false; // no such filter, no place for filters, no such interface
            }
            throw e;
        }
    }

    /** Id of the program that was hung up under this name, 0 for none. */
    int programId(int interfaceIndex, Hook hook, String name) {
        NlMessage message = trafficControl(Nl.RTM_GETTFILTER, 0, interfaceIndex, 0, hook.parent, 0);
        for (ByteBuffer answer : socket.dump("filters of interface " + interfaceIndex, message)) {
            NlAttributes options =
                    NlAttributes.parse(answer, Nl.HEADER_BYTES + TCMSG_BYTES).nested(Nl.TCA_OPTIONS);
            if (name.equals(options.string(Nl.TCA_BPF_NAME))) {
                return options.u32(Nl.TCA_BPF_ID, 0);
            }
        }
        return 0;
    }

    private static NlMessage filter(int type, int flags, int interfaceIndex, Hook hook, int priority) {
        int protocol = Short.toUnsignedInt(Short.reverseBytes((short) Nl.ETH_P_ALL));
        return trafficControl(type, flags, interfaceIndex, HANDLE, hook.parent, priority << 16 | protocol);
    }

    /** {@code struct tcmsg}. */
    private static NlMessage trafficControl(int type, int flags, int index, int handle, int parent, int info) {
        return new NlMessage(type, flags)
                .u8(Nl.AF_UNSPEC)
                .u8(0)
                .u16(0)
                .u32(index)
                .u32(handle)
                .u32(parent)
                .u32(info);
    }
}
