package dev.drover.dataplane;

/**
 * Programs of traffic control at the ingress of interfaces of one namespace (clsact, {@code tc-bpf(8)}). Every method is
 * one request and waits for the kernel's answer. Thread-safe. A refusal is a {@link SysException} with the kernel's words.
 */
public final class Filters {
    private final NetlinkSocket socket;

    Filters(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Gives an interface the place where filters are hung, clsact; false when it has one. */
    public boolean ensureIngressHook(int interfaceIndex) {
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
     * Hangs a program at the ingress of an interface, in the place of one with the same priority and handle.
     *
     * @param program descriptor; the filter holds the program from then on
     */
    public void replaceIngress(int interfaceIndex, int priority, int handle, int program, String name) {
        NlMessage message = trafficControl(
                        Nl.RTM_NEWTFILTER,
                        Nl.F_CREATE | Nl.F_REPLACE,
                        interfaceIndex,
                        handle,
                        Nl.TC_H_CLSACT_INGRESS,
                        priority << 16 | Short.toUnsignedInt(Short.reverseBytes((short) Nl.ETH_P_ALL)))
                .attributeString(Nl.TCA_KIND, "bpf")
                .nest(
                        Nl.TCA_OPTIONS,
                        options -> options.attributeU32(Nl.TCA_BPF_FD, program)
                                .attributeString(Nl.TCA_BPF_NAME, name)
                                .attributeU32(Nl.TCA_BPF_FLAGS, Nl.TCA_BPF_FLAG_ACT_DIRECT));
        socket.request("filter " + name + " of interface " + interfaceIndex, message);
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
