using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace StableDiffusion.Storage;

/// <summary>
/// The names of files that are not complete yet. A process that is killed leaves its file behind, and the next one that
/// writes to the folder deletes it. The name says which process of which computer writes the file, and the file is locked
/// while it is written, so that no file of a running process is deleted.
/// </summary>
internal static class TemporaryFile
{
    private const string Prefix = ".stablediffusion-";
    private const string Suffix = ".tmp";

    // Whether a process of another computer still runs cannot be found out.
    private static readonly TimeSpan s_othersAge = TimeSpan.FromDays(1);

    private static readonly string s_computer = Crc32.HashToUInt32(Encoding.UTF8.GetBytes(Environment.MachineName)).ToString("x8", CultureInfo.InvariantCulture);

    private static readonly ConcurrentDictionary<string, bool> s_swept = new();

    /// <summary>A new name for a file of this process.</summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <returns>The full path of the file.</returns>
    public static string NewIn(string folder) => NewIn(folder, Environment.ProcessId);

    /// <summary>A new name for a file of a process of this computer.</summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="processId">The id of the process.</param>
    /// <returns>The full path of the file.</returns>
    internal static string NewIn(string folder, int processId) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{s_computer}-{processId}-{Guid.NewGuid():N}{Suffix}"));

    /// <summary>Deletes what killed processes left in a folder, at the first call for the folder in this process.</summary>
    /// <param name="folder">The full path of the folder, which need not exist.</param>
    public static void SweepOnce(string folder)
    {
        if (s_swept.TryAdd(folder, true))
            Sweep(folder);
    }

    /// <summary>Deletes what killed processes left in a folder.</summary>
    /// <param name="folder">The full path of the folder, which need not exist.</param>
    internal static void Sweep(string folder)
    {
        try
        {
            foreach (string path in Directory.EnumerateFiles(folder, $"{Prefix}*{Suffix}", new EnumerationOptions { AttributesToSkip = FileAttributes.None }))
            {
                if (IsLeft(path) && !IsLocked(path))
                    AtomicWriter.TryDelete(path);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What cannot be listed cannot be swept; the write itself gives the error.
        }
    }

    private static bool IsLeft(string path)
    {
        string[] parts = Path.GetFileName(path)[Prefix.Length..^Suffix.Length].Split('-');
        if (parts.Length != 3 || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int processId) || !Guid.TryParseExact(parts[2], "N", out _))
            return false;
        return parts[0] == s_computer ? !RunningProcess.Exists(processId) : DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > s_othersAge;
    }

    private static bool IsLocked(string path)
    {
        try
        {
            using FileStream stream = RegularFile.Open(path);
            return false;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }
}
