using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace StableDiffusion.Storage;

/// <summary>The processes of this computer, as others can know them: an id alone can be that of a later process.</summary>
internal static class RunningProcess
{
    // Of the fields behind the name, which can hold anything: the state, and the ticks since the computer was started.
    // Source: proc_pid_stat(5), fields 3 and 22.
    private const int StateField = 0;
    private const int StartField = 19;

    // Each process computes the time from the one since the computer was started.
    private static readonly TimeSpan s_tolerance = TimeSpan.FromSeconds(3);

    private static readonly Lazy<string?> s_space = new(static () => OperatingSystem.IsLinux() && Read("/proc/sys/kernel/random/boot_id") is string boot && new FileInfo("/proc/self/ns/pid").LinkTarget is string space ? $"{boot.Trim()} {space}" : null);

    /// <summary>Where the ids of this process count: the start of the computer, and the container if there is one; null if unknown.</summary>
    public static string? Space => s_space.Value;

    /// <summary>Whether a process runs.</summary>
    /// <param name="id">Its id.</param>
    public static bool Exists(int id)
    {
        try
        {
            using Process process = Process.GetProcessById(id);
            return true;
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>When a process was started, by the clock.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The time in UTC; null if there is none, or it has ended.</returns>
    public static DateTimeOffset? TimeOf(int id)
    {
        using Process? process = Open(id);
        return TimeOf(process);
    }

    /// <summary>Finds a process that is known by the time of its start, as other programs tell it too.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="started">When it was started.</param>
    /// <returns>The process, to be disposed; null if it has ended, or a later one has its id.</returns>
    public static Process? Find(int id, DateTimeOffset started)
    {
        Process? process = Open(id);
        if (TimeOf(process) is DateTimeOffset time && (time - started).Duration() < s_tolerance)
            return process;
        process?.Dispose();
        return null;
    }

    /// <summary>When a process was started, in units that only this computer knows.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The time; null if it cannot be found; empty for a process that was killed and whose parent does not know that yet.</returns>
    public static string? StartOf(int id)
    {
        if (OperatingSystem.IsLinux())
        {
            return Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat")) is string status && status[(status.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is { Length: > StartField } fields
                ? fields[StateField] is "Z" or "X" ? string.Empty : fields[StartField]
                : null;
        }

        try
        {
            using Process process = Process.GetProcessById(id);
            return process.StartTime.ToUniversalTime().Ticks.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or Win32Exception or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Whether a process works in a folder, or was started with it, as far as this system tells: always elsewhere than on Linux.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="folder">The end of the folder's path.</param>
    public static bool Concerns(int id, string folder)
    {
        if (!OperatingSystem.IsLinux())
            return true;
        string process = string.Create(CultureInfo.InvariantCulture, $"/proc/{id}");
        return Read($"{process}/cmdline")?.Contains(folder, StringComparison.Ordinal) == true || new FileInfo($"{process}/cwd").LinkTarget?.EndsWith(folder, StringComparison.Ordinal) == true;
    }

    /// <summary>Whether a process has ended. One that cannot be looked at has not.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="start">What <see cref="StartOf"/> gave when it ran; empty if that was unknown.</param>
    public static bool HasEnded(int id, string start) => start.Length > 0 && StartOf(id) is string found ? found != start : !Exists(id);

    private static DateTimeOffset? TimeOf(Process? process)
    {
        try
        {
            return process is null ? null : new DateTimeOffset(process.StartTime).ToUniversalTime();
        }
        catch (Exception error) when (error is InvalidOperationException or Win32Exception)
        {
            // It has just ended.
            return null;
        }
    }

    private static Process? Open(int id)
    {
        try
        {
            Process process = Process.GetProcessById(id);
            if (!process.HasExited)
                return process;
            process.Dispose();
            return null;
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return null;
        }
    }

    private static string? Read(string path)
    {
        try
        {
            using StreamReader reader = new(RegularFile.OpenShared(path), Encoding.UTF8);
            return reader.ReadToEnd();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
