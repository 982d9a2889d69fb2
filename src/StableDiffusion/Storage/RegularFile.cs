using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace StableDiffusion.Storage;

/// <summary>
/// Opens files that somebody else may have put in their place. Links are followed, and then only a regular file is opened:
/// opening a named pipe, or reading a device, can wait forever.
/// </summary>
internal static partial class RegularFile
{
    // W_OK of POSIX, <unistd.h>.
    private const int MayWrite = 2;

    // As DriveInfo names them.
    private static readonly HashSet<string> s_kernelFormats = new(StringComparer.Ordinal) { "proc", "sysfs", "devpts", "cgroupfs", "cgroup2fs", "debugfs", "tracefs", "securityfs", "configfs" };

    /// <summary>Opens a file as a stream, as <see cref="OpenHandle(string)"/> does.</summary>
    /// <inheritdoc cref="OpenHandle(string)"/>
    public static FileStream Open(string path) => new(OpenHandle(path), FileAccess.Read);

    /// <summary>Opens a file for reading. Others may read, move and delete it meanwhile.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>The open file.</returns>
    /// <exception cref="IOException">It does not exist, cannot be opened, or is not a regular file; the message says which.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not read it.</exception>
    public static SafeFileHandle OpenHandle(string path) => OpenHandle(path, FileShare.Read | FileShare.Delete);

    /// <summary>Opens a file that others may write meanwhile.</summary>
    /// <inheritdoc cref="OpenHandle(string)"/>
    public static FileStream OpenShared(string path) => new(OpenHandle(path, FileShare.ReadWrite | FileShare.Delete), FileAccess.Read);

    private static SafeFileHandle OpenHandle(string path, FileShare share)
    {
        Check(path);
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, share);
        }
        catch (FileNotFoundException error) when (new FileInfo(path).LinkTarget is not null)
        {
            throw new FileNotFoundException("It is a link to a file that does not exist.", error);
        }
    }

    /// <summary>Throws for what exists and is not a regular file.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="IOException">It is something else; the message says what.</exception>
    public static void Check(string path)
    {
        if (OperatingSystem.IsWindows())
            RefuseDevice(path);
        else if (Describe(ReadMode(path)) is string what)
            throw new IOException($"It is {what}, not a file.");
    }

    /// <summary>Reads a whole file of a limited length.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="limit">The greatest permitted length in bytes; a longer file is not read.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="IOException">It is longer, does not exist, cannot be read, or is not a regular file; the message says which.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not read it.</exception>
    public static byte[] ReadAllBytes(string path, long limit)
    {
        using FileStream stream = Open(path);
        if (stream.Length > limit)
            throw new IOException($"It has {stream.Length} bytes, and the limit for such a file is {limit}.");

        byte[] bytes = new byte[stream.Length];
        int count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return count == bytes.Length ? bytes : bytes[..count];
    }

    /// <summary>Whether files can be created in a folder, as far as that can be determined without creating one: always on Windows.</summary>
    /// <param name="folder">The full path of the folder.</param>
    public static bool CanWriteTo(string folder) => OperatingSystem.IsWindows() || (Access(folder, MayWrite) == 0 && !(OperatingSystem.IsLinux() && IsOfKernel(folder)));

    // The kernel's own file systems say to the administrator that everything can be written, and take no new file.
    private static bool IsOfKernel(string folder)
    {
        try
        {
            // They have no room; their names take longer to find.
            DriveInfo drive = new(folder);
            return drive.TotalSize == 0 && s_kernelFormats.Contains(drive.DriveFormat);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }

    // Windows opens names such as NUL, COM1 and \\.\pipe\name as devices and pipes.
    private static void RefuseDevice(string path)
    {
        if (Path.GetFullPath(path).StartsWith(@"\\.\", StringComparison.Ordinal))
            throw new IOException("It is a device or a named pipe, not a file.");
    }

    // Source: POSIX, <sys/stat.h>; the values are the same on all systems.
    private static string? Describe(int mode) => (mode & 0xF000) switch
    {
        0x1000 => "a named pipe",
        0x2000 or 0x6000 => "a device",
        0x4000 => "a folder",
        0xC000 => "a socket",
        _ => null,
    };

    /// <summary>The type and the permissions of the file that a path leads to; 0 if that cannot be found.</summary>
    private static unsafe int ReadMode(string path)
    {
        // The runtime's own function has one layout on all systems: the mode is the second of its integers. .NET does not
        // offer the type of a file otherwise. The memory is larger than the structure.
        const int ModeIndex = 1;
        int* status = stackalloc int[64];
        return Stat(path, status) == 0 ? status[ModeIndex] : 0;
    }

    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_Access", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);

    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_Stat", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Stat(string path, int* status);
}
