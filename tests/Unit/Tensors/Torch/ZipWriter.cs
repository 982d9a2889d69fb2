using System.Text;

namespace StableDiffusion.Tests.Tensors.Torch;

/// <summary>Writes zip archives as PyTorch does: nothing compressed, contents at multiples of 64, sizes after them.</summary>
internal static class ZipWriter
{
    /// <param name="entries">The files.</param>
    /// <param name="large">Whether the 64-bit fields are used, as PyTorch always does.</param>
    public static byte[] Write(IEnumerable<(string Name, byte[] Data)> entries, bool large = true)
    {
        MemoryStream bytes = new();
        BinaryWriter writer = new(bytes);
        MemoryStream directory = new();
        BinaryWriter central = new(directory);
        int count = 0;
        foreach ((string name, byte[] data) in entries)
        {
            byte[] nameBytes = Encoding.UTF8.GetBytes(name);
            long local = bytes.Position;
            int padding = (int)((64 - (local + 30 + nameBytes.Length + 4) % 64) % 64);
            writer.Write(0x04034b50);
            writer.Write((ushort)0);
            writer.Write((ushort)0x0808);
            writer.Write(new byte[18]);
            writer.Write((ushort)nameBytes.Length);
            writer.Write((ushort)(4 + padding));
            writer.Write(nameBytes);
            writer.Write("FB"u8);
            writer.Write((ushort)padding);
            writer.Write(new byte[padding]);
            writer.Write(data);
            writer.Write(0x08074b50);
            writer.Write(0);
            writer.Write((long)data.Length);
            writer.Write((long)data.Length);

            central.Write(0x02014b50);
            central.Write(0);
            central.Write((ushort)0x0808);
            central.Write((ushort)0);
            central.Write(0L);
            central.Write(large ? uint.MaxValue : (uint)data.Length);
            central.Write(large ? uint.MaxValue : (uint)data.Length);
            central.Write((ushort)nameBytes.Length);
            central.Write((ushort)(large ? 28 : 0));
            central.Write(new byte[10]);
            central.Write(large ? uint.MaxValue : (uint)local);
            central.Write(nameBytes);
            if (large)
            {
                central.Write((ushort)1);
                central.Write((ushort)24);
                central.Write((long)data.Length);
                central.Write((long)data.Length);
                central.Write(local);
            }

            count++;
        }

        long start = bytes.Position;
        writer.Write(directory.ToArray());
        if (large)
        {
            long end = bytes.Position;
            writer.Write(0x06064b50);
            writer.Write(44L);
            writer.Write(0x001e031e);
            writer.Write(0L);
            writer.Write((long)count);
            writer.Write((long)count);
            writer.Write(directory.Length);
            writer.Write(start);
            writer.Write(0x07064b50);
            writer.Write(0);
            writer.Write(end);
            writer.Write(1);
        }

        writer.Write(0x06054b50);
        writer.Write(0);
        writer.Write((ushort)(large ? ushort.MaxValue : count));
        writer.Write((ushort)(large ? ushort.MaxValue : count));
        writer.Write(large ? uint.MaxValue : (uint)directory.Length);
        writer.Write(large ? uint.MaxValue : (uint)start);
        writer.Write((ushort)0);
        return bytes.ToArray();
    }
}
