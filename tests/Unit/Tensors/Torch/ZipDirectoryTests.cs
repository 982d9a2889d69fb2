using System.Buffers.Binary;
using System.IO.Compression;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Tensors.Torch;

public sealed class ZipDirectoryTests : IDisposable
{
    private const int Flags = 8;
    private const int Method = 10;
    private const int PackedLength = 20;
    private const int Length = 24;
    private const int LocalOffset = 42;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(CompressionLevel.NoCompression, null)]
    [InlineData(CompressionLevel.Optimal, "compressed")]
    public void An_archive_that_NET_wrote_is_read_unless_it_is_compressed(CompressionLevel level, string? fault)
    {
        TorchWriter writer = Writer(out byte[] pickle);
        string path = _folder["net.pt"];
        using (ZipArchive archive = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            foreach ((string name, byte[] data) in writer.Entries(pickle))
            {
                using Stream entry = archive.CreateEntry(name, level).Open();
                entry.Write(data);
            }
        }

        if (fault is null)
        {
            using ITensorFile file = TensorFile.Open(path);
            Assert.Equal(1000, file.Tensors["t"].Count);
        }
        else
        {
            Assert.Contains(fault, Assert.Throws<ModelInvalidException>(() => TensorFile.Open(path)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_directory_that_lies_is_refused_by_what_is_wrong()
    {
        Refused("encrypted", bytes => bytes[Entry(bytes, 2) + Flags] |= 1);
        Refused("compressed", bytes => bytes[Entry(bytes, 2) + Method] = 8);
        Refused("compressed", bytes => Number(bytes, Entry(bytes, 2) + Length) = 999);
        Refused("files in it overlap", bytes =>
        {
            int entry = Entry(bytes, 2);
            Number(bytes, entry + Length) += 30;
            Number(bytes, entry + PackedLength) += 30;
        });
        Refused("claims", bytes =>
        {
            int entry = Entry(bytes, 2);
            Number(bytes, entry + Length) = uint.MaxValue - 1;
            Number(bytes, entry + PackedLength) = uint.MaxValue - 1;
        });
        Refused("claims to be at byte", bytes => Number(bytes, Entry(bytes, 2) + LocalOffset) = 0x7FFFFFFF);
        Refused("is not where its directory says", bytes => Number(bytes, Entry(bytes, 2) + LocalOffset) = Number(bytes, Entry(bytes, 1) + LocalOffset));
        Refused("has no 64-bit size", bytes => Number(bytes, Entry(bytes, 2) + LocalOffset) = uint.MaxValue);
        Refused("an invalid entry", bytes => bytes[Entry(bytes, 2)] = 0);
        Refused("claims", bytes => Number(bytes, bytes.Length - 10) += 1);
        Refused("more entries than it counts", bytes => bytes[^12]--);
        Refused("its 64-bit directory is missing", bytes => bytes[^12] = bytes[^11] = 0xFF);
    }

    [Fact]
    public void A_64_bit_directory_that_lies_is_refused()
    {
        TorchWriter writer = Writer(out byte[] pickle);
        byte[] whole = ZipWriter.Write(writer.Entries(pickle));
        int end64 = whole.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x50, 0x4b, 6, 6]);
        int locator = whole.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x50, 0x4b, 6, 7]);
        foreach (int at in (int[])[end64, end64 + 32, end64 + 40, end64 + 48, locator, locator + 8])
        {
            foreach (long lie in (long[])[-1, long.MaxValue, long.MinValue, 1L << 40])
            {
                byte[] bytes = [.. whole];
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at), lie);
                Assert.Contains("directory", Refuse(bytes), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Names_that_are_there_twice_or_lead_out_of_the_folder_are_refused()
    {
        TorchWriter writer = Writer(out byte[] pickle);
        Assert.Contains("'model/version' twice", Refuse(ZipWriter.Write(writer.Entries(pickle, ("model/version", [1])))), StringComparison.Ordinal);
        foreach (string name in (string[])["../evil", "model/../../evil", "/etc/passwd", "model\\evil", "C:/evil", "model/..", "", "evil\0.txt"])
            Assert.Contains("leads out of its folder", Refuse(ZipWriter.Write(writer.Entries(pickle, (name, [1])))), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_a_comment_may_follow_the_directory()
    {
        TorchWriter writer = Writer(out byte[] pickle);
        byte[] whole = ZipWriter.Write(writer.Entries(pickle), large: false);
        Assert.Contains("is missing", Refuse([.. whole, 0]), StringComparison.Ordinal);

        byte[] commented = [.. whole, .. "PK\u0005\u0006"u8];
        commented[whole.Length - 2] = 4;
        string path = _folder["commented.pt"];
        File.WriteAllBytes(path, commented);
        using ITensorFile file = TensorFile.Open(path);
        Assert.Single(file.Tensors);
    }

    private static TorchWriter Writer(out byte[] pickle)
    {
        TorchWriter writer = new();
        pickle = PickleWriter.Dump(new PickledDictionary { { "t", TorchWriter.Tensor(writer.Storage("ByteStorage", 1000, new byte[1000]), 0, [1000], [1]) } });
        return writer;
    }

    /// <summary>Where an entry of the directory starts; 2 is the storage.</summary>
    private static int Entry(byte[] bytes, int index)
    {
        int at = -1;
        for (int i = 0; i <= index; i++)
            at += 1 + bytes.AsSpan(at + 1).IndexOf((ReadOnlySpan<byte>)[0x50, 0x4b, 1, 2]);
        return at;
    }

    private static ref uint Number(byte[] bytes, int at) => ref System.Runtime.CompilerServices.Unsafe.As<byte, uint>(ref bytes[at]);

    private void Refused(string fault, Action<byte[]> lie)
    {
        TorchWriter writer = Writer(out byte[] pickle);
        byte[] bytes = ZipWriter.Write(writer.Entries(pickle), large: false);
        lie(bytes);
        Assert.Contains(fault, Refuse(bytes), StringComparison.Ordinal);
    }

    private string Refuse(byte[] bytes)
    {
        string path = _folder[$"{Guid.NewGuid():N}.pt"];
        File.WriteAllBytes(path, bytes);
        return Assert.Throws<ModelInvalidException>(() => TensorFile.Open(path)).Message;
    }
}
