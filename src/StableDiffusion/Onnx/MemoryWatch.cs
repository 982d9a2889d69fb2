using System.Buffers.Text;
using System.Diagnostics;
using StableDiffusion.Storage;

namespace StableDiffusion.Onnx;

/// <summary>
/// Watches the memory of the process while ONNX Runtime works: how much a graph takes is often not known before, and a system
/// without memory ends the process.
/// </summary>
internal static class MemoryWatch
{
    /// <summary>Throws if the process uses more memory than the limit: that of the variable or, without it, about 90 % of the memory of the computer or container.</summary>
    /// <exception cref="InsufficientMemoryException">It does; the message says what to do.</exception>
    /// <exception cref="InvalidSettingException">The variable does not hold a whole number above 0.</exception>
    public static void Check() => Check(UsedBytes());

    /// <summary>Whether the process can use some more memory within the limit, as far as is known.</summary>
    /// <param name="bytes">The number of bytes.</param>
    /// <exception cref="InvalidSettingException">The variable does not hold a whole number above 0.</exception>
    public static bool HasRoom(long bytes) => UsedBytes() is not long used || used + bytes <= Limit;

    /// <inheritdoc cref="Check()"/>
    /// <param name="used">The memory that the process uses, in bytes; null if not known.</param>
    internal static void Check(long? used)
    {
        if (used is long bytes && Limit is long limit && bytes > limit)
            throw new InsufficientMemoryException($"the process needs more memory ({ByteSize.Format(bytes)}) than the limit of {ByteSize.Format(limit)}. Choose a smaller size or a smaller model or, if there is more memory, set the environment variable {MemoryLimit.Variable} to a higher number of MB.");
    }

    // The memory load that the runtime considers high is of the computer or container too, not of its own heap.
    private static long Limit => MemoryLimit.Bytes(GC.GetGCMemoryInfo().HighMemoryLoadThresholdBytes);

    /// <summary>The memory that the process does not share with others or with files, in bytes; null if the system does not say.</summary>
    internal static long? UsedBytes()
    {
        if (OperatingSystem.IsWindows())
        {
            using Process process = Process.GetCurrentProcess();
            return process.PrivateMemorySize64;
        }

        return OperatingSystem.IsLinux() ? ReadStatus() : null;
    }

    // Pages: all, resident, and of these shared. Source: the manual page proc_pid_statm(5).
    private static long? ReadStatus()
    {
        try
        {
            using FileStream stream = RegularFile.Open("/proc/self/statm");
            Span<byte> line = stackalloc byte[128];
            line = line[..stream.Read(line)];
            Span<long> pages = stackalloc long[3];
            for (int i = 0; i < pages.Length; i++)
            {
                if (!Utf8Parser.TryParse(line, out pages[i], out int length))
                    return null;
                line = line[Math.Min(length + 1, line.Length)..];
            }

            return (pages[1] - pages[2]) * Environment.SystemPageSize;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
