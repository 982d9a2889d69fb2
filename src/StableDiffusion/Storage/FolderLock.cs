namespace StableDiffusion.Storage;

/// <summary>
/// A lock on a folder that processes hold while they use it: any number to read it, or one to delete it. It is a file beside the
/// folder, and ends with the process. The file is kept: if it were deleted, two processes could each lock a different one.
/// </summary>
internal static class FolderLock
{
    private const string Suffix = ".lock";

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);

    /// <summary>Locks a folder against its deletion.</summary>
    /// <param name="folder">The full path of the folder, which need not exist; its parent must.</param>
    /// <returns>The lock; null if the folder is being deleted.</returns>
    /// <exception cref="IOException">The lock file cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The lock file cannot be created.</exception>
    public static IDisposable? TryShare(string folder) => TryOpen(folder, FileAccess.Read, FileShare.Read);

    /// <summary>Locks a folder alone, to delete it or to write it.</summary>
    /// <returns>The lock; null if another process, or another part of this one, has it.</returns>
    /// <inheritdoc cref="TryShare"/>
    public static IDisposable? TryOwn(string folder) => TryOpen(folder, FileAccess.ReadWrite, FileShare.None);

    /// <summary>Locks a folder against its deletion, after waiting for a process that is deleting it.</summary>
    /// <param name="folder">The full path of the folder, which need not exist.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <returns>The lock; null if the lock file cannot be created: in a folder that cannot be written to, nothing is deleted either.</returns>
    public static IDisposable? Share(string folder, CancellationToken cancellationToken)
    {
        try
        {
            return Wait(() => TryShare(folder), cancellationToken);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Locks a folder alone, after waiting for those that have it.</summary>
    /// <inheritdoc cref="TryShare"/>
    /// <param name="folder">The full path of the folder, which need not exist; its parent must.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    public static IDisposable Own(string folder, CancellationToken cancellationToken) => Wait(() => TryOwn(folder), cancellationToken);

    /// <summary>Whether a file is a lock.</summary>
    public static bool IsLock(string path) => path.EndsWith(Suffix, StringComparison.Ordinal);

    /// <summary>The path of the lock of a folder.</summary>
    public static string PathOf(string folder) => folder + Suffix;

    /// <summary>Whether an error means that a file is locked.</summary>
    /// <remarks>Windows has its own codes; elsewhere it is the code of a lock that is held, on Linux and on macOS.</remarks>
    public static bool IsSharingViolation(IOException error) =>
        OperatingSystem.IsWindows() ? (error.HResult & 0xffff) is 32 or 33 : error.HResult is 11 or 35;

    private static IDisposable Wait(Func<IDisposable?> tryLock, CancellationToken cancellationToken)
    {
        for (;;)
        {
            if (tryLock() is IDisposable held)
                return held;
            cancellationToken.WaitHandle.WaitOne(s_poll);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private static FileStream? TryOpen(string folder, FileAccess access, FileShare share)
    {
        // Opening a named pipe can wait forever.
        RegularFile.Check(PathOf(folder));
        try
        {
            return new FileStream(PathOf(folder), FileMode.OpenOrCreate, access, share, bufferSize: 0);
        }
        catch (IOException error) when (IsSharingViolation(error))
        {
            return null;
        }
    }
}
