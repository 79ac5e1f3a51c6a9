package dev.drover.overlay.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.Aead;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class NoiseIkTest {
    private static final HexFormat HEX = HexFormat.of();

    /**
     * {@code vectors/cacophony.txt} of github.com/haskell-cryptography/cacophony, entry Noise_IK_25519_AESGCM_SHA256;
     * the same file is part of github.com/mcginty/snow.
     */
    private static final byte[] PROLOGUE = HEX.parseHex("4a6f686e2047616c74");

    private static final byte[] INIT_STATIC =
            HEX.parseHex("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1");
    private static final byte[] INIT_EPHEMERAL =
            HEX.parseHex("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a");
    private static final byte[] RESP_STATIC =
            HEX.parseHex("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893");
    private static final byte[] RESP_STATIC_PUBLIC =
            HEX.parseHex("31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62");
    private static final byte[] RESP_EPHEMERAL =
            HEX.parseHex("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b");
    private static final String HASH = "669c8640d9e42a3cda2f232f78597ceefb01daa6e3df81181ccce6fc6b5026bf";
    private static final List<String[]> MESSAGES = List.of(
            new String[] {
                "4c756477696720766f6e204d69736573",
                "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444e417bc55c7a8166c993356c1be41ef6"
                        + "7818a292426f301556c7f26b21d25ddb097153891a9a956cff47b83e63ad8d701c1342c209cff1ca5ecd43402762"
                        + "ac249e3bd3a4c0a145fe07cb5dae28ea13a3"
            },
            new String[] {
                "4d757272617920526f746862617264",
                "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843af2ccf9972e22afc67aeafcd25162f7f"
                        + "98c363b7762e3e4cb7d272e39f27a5"
            },
            new String[] {"462e20412e20486179656b", "66acfc92e3197de166809e6d4d5d003dcc819a84bc3522ca53c9d9"},
            new String[] {"4361726c204d656e676572", "71f89aa6533a6de70b0826864dd75f60806ee40170c16290189eb3"},
            new String[] {
                "4a65616e2d426170746973746520536179",
                "4795a3423550c8bf00386bd496a3e2c76c10669d2a75ab8f79b5094c5412a25705"
            },
            new String[] {
                "457567656e2042f6686d20766f6e2042617765726b",
                "aa0bb39097555c918e40be82abc2b909eb79d9eb87adb07e268fc37323a6cf904fd01fb391"
            });

    private static byte[] bytes(int message, int part) {
        return HEX.parseHex(MESSAGES.get(message)[part]);
    }

    @Test
    void thePublishedVectorHolds() throws Exception {
        assertThat(X25519.publicKey(RESP_STATIC)).isEqualTo(RESP_STATIC_PUBLIC);
        try (NoiseIk initiator = NoiseIk.initiator(PROLOGUE, INIT_STATIC, RESP_STATIC_PUBLIC, INIT_EPHEMERAL);
                NoiseIk responder = NoiseIk.responder(PROLOGUE, RESP_STATIC, RESP_EPHEMERAL)) {
            byte[] first = initiator.writeInitiation(bytes(0, 0));
            assertThat(first).isEqualTo(bytes(0, 1));
            assertThat(responder.readInitiation(first)).isEqualTo(bytes(0, 0));
            assertThat(responder.remoteStatic()).isEqualTo(X25519.publicKey(INIT_STATIC));
            byte[] second = responder.writeResponse(bytes(1, 0));
            assertThat(second).isEqualTo(bytes(1, 1));
            assertThat(initiator.readResponse(second)).isEqualTo(bytes(1, 0));
            assertThat(HEX.formatHex(initiator.handshakeHash())).isEqualTo(HASH);
            assertThat(HEX.formatHex(responder.handshakeHash())).isEqualTo(HASH);
            NoiseIk.Keys keys = initiator.split();
            assertThat(responder.split().initiatorToResponder()).isEqualTo(keys.initiatorToResponder());
            for (int i = 2; i < MESSAGES.size(); i++) {
                byte[] key = i % 2 == 0 ? keys.initiatorToResponder() : keys.responderToInitiator();
                assertThat(sealed(key, i / 2 - 1, bytes(i, 0))).isEqualTo(bytes(i, 1));
            }
        }
    }

    private static byte[] sealed(byte[] key, long counter, byte[] plain) {
        try (Slab slab = new Slab();
                Aead aead = Aead.sealing(key, slab)) {
            long address = slab.allocate(plain.length + Aead.TAG_BYTES);
            Memory.copyIn(plain, address);
            aead.seal(counter, address, plain.length);
            return Memory.copyOut(address, plain.length + Aead.TAG_BYTES);
        }
    }

    @Test
    void everyChangedByteOfAMessageIsRefused() throws Exception {
        byte[] first = bytes(0, 1);
        for (int i = 0; i < first.length; i++) {
            byte[] changed = first.clone();
            changed[i] ^= 1;
            try (NoiseIk responder = NoiseIk.responder(PROLOGUE, RESP_STATIC)) {
                assertThatThrownBy(() -> responder.readInitiation(changed)).isInstanceOf(NoiseException.class);
            }
        }
        byte[] second = bytes(1, 1);
        for (int i = 0; i < second.length; i++) {
            byte[] changed = second.clone();
            changed[i] ^= 1;
            try (NoiseIk initiator = NoiseIk.initiator(PROLOGUE, INIT_STATIC, RESP_STATIC_PUBLIC, INIT_EPHEMERAL)) {
                initiator.writeInitiation(bytes(0, 0));
                assertThatThrownBy(() -> initiator.readResponse(changed)).isInstanceOf(NoiseException.class);
            }
        }
    }

    @Test
    void anotherPrologueAndAnotherKeyAreRefused() throws Exception {
        try (NoiseIk otherNetwork = NoiseIk.responder(new byte[1], RESP_STATIC);
                NoiseIk otherHost = NoiseIk.responder(PROLOGUE, INIT_STATIC)) {
            assertThatThrownBy(() -> otherNetwork.readInitiation(bytes(0, 1))).isInstanceOf(NoiseException.class);
            assertThatThrownBy(() -> otherHost.readInitiation(bytes(0, 1))).isInstanceOf(NoiseException.class);
        }
    }

    @Test
    void randomAndTruncatedMessagesAreRefusedAndNothingElse() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int i = 0; i < 200; i++) {
            byte[] noise = new byte[random.nextInt(200)];
            random.nextBytes(noise);
            byte[] message = random.nextBoolean() ? noise : Arrays.copyOf(bytes(0, 1), random.nextInt(112));
            try (NoiseIk responder = NoiseIk.responder(PROLOGUE, RESP_STATIC);
                    NoiseIk initiator = NoiseIk.initiator(PROLOGUE, INIT_STATIC, RESP_STATIC_PUBLIC)) {
                assertThatThrownBy(() -> responder.readInitiation(message)).isInstanceOf(NoiseException.class);
                assertThatThrownBy(() -> initiator.readResponse(message)).isInstanceOf(NoiseException.class);
            }
        }
    }

    @Test
    void aPointOfSmallOrderIsRefused() {
        for (byte first : new byte[] {0, 1}) {
            byte[] message = new byte[120];
            message[0] = first;
            try (NoiseIk responder = NoiseIk.responder(PROLOGUE, RESP_STATIC)) {
                assertThatThrownBy(() -> responder.readInitiation(message))
                        .isInstanceOf(NoiseException.class)
                        .hasMessage("public key of small order");
            }
        }
    }
}
