namespace StableDiffusion.Storage;

/// <summary>The room on disks.</summary>
internal static class DiskSpace
{
    // ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.
    private const int WindowsHandleFull = unchecked((int)0x80070027);
    private const int WindowsFull = unchecked((int)0x80070070);

    // ENOSPC of Unix, and EDQUOT of Linux and macOS.
    private const int UnixFull = 28;
    private const int LinuxQuota = 122;
    private const int MacQuota = 69;

    /// <summary>Whether a file could not be written since its disk is full, or what the user may have of it.</summary>
    /// <param name="error">The error of the system.</param>
    public static bool IsFull(Exception error) => error is IOException && (OperatingSystem.IsWindows()
        ? error.HResult is WindowsHandleFull or WindowsFull
        : error.HResult == UnixFull || error.HResult == (OperatingSystem.IsMacOS() ? MacQuota : LinuxQuota));

    /// <summary>The number of free bytes on the disk of a folder, which need not exist.</summary>
    public static long? Free(string folder)
    {
        try
        {
            string? existing = folder;
            while (existing is not null && !Directory.Exists(existing))
                existing = Path.GetDirectoryName(existing);
            return existing is null ? null : new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(existing)! : existing).AvailableFreeSpace;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Network shares have no drive. A full disk is reported when it is written to.
            return null;
        }
    }
}
