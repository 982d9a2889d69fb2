namespace StableDiffusion.Storage;

/// <summary>The room on disks.</summary>
internal static class DiskSpace
{
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
