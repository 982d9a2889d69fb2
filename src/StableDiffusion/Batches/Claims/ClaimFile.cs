using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Claims;

/// <summary>
/// The file that says who makes an image, beside the image. It gets its name when it is complete, which only one process can do.
/// It is removed by a process that has it locked, and that first writes into it that it is given up: another one that opened
/// it before, and gets the lock after, sees that it is not the claim that it knows. So nobody removes a claim that he has not
/// read, and nobody leaves the name free for two.
/// </summary>
internal static class ClaimFile
{
    /// <summary>What is behind the name of the image.</summary>
    public const string Ending = ".claim";

    private const byte GivenUp = (byte)'-';

    /// <summary>The path of the claim of an image file.</summary>
    /// <param name="file">The full path of the image file.</param>
    public static string PathOf(string file) => file + Ending;

    /// <summary>Creates a claim.</summary>
    /// <param name="path">Its full path; the folder exists.</param>
    /// <param name="content">Its content.</param>
    /// <returns>False if there is one.</returns>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write to the folder.</exception>
    public static bool TryCreate(string path, byte[] content)
    {
        string folder = Path.GetDirectoryName(path)!;
        TemporaryFile.SweepOnce(folder);
        string temporary = TemporaryFile.NewIn(folder);
        try
        {
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
                stream.Write(content);
            if (OperatingSystem.IsWindows())
                return TryMove(temporary, path);

            // On a network, the answer to a link that was made can get lost.
            return HardLink.TryCreate(temporary, path) || (Path.Exists(path) ? Find(path)?.Content?.AsSpan().SequenceEqual(content) == true : TryWrite(path, content));
        }
        finally
        {
            AtomicWriter.TryDelete(temporary);
        }
    }

    /// <summary>Reads a claim.</summary>
    /// <param name="path">Its full path.</param>
    /// <returns>What is there; null if there is none.</returns>
    /// <exception cref="IOException">It cannot be read, or is not a file.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to read it.</exception>
    public static ClaimState? Find(string path)
    {
        try
        {
            Require(path);
            using FileStream stream = RegularFile.OpenShared(path);
            return new ClaimState(Content(stream), File.GetLastWriteTimeUtc(stream.SafeFileHandle));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (IOException error) when (FolderLock.IsSharingViolation(error))
        {
            return new ClaimState(Content: null, default);
        }
    }

    /// <summary>Sets the time of a claim to that of the file system.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="content">Its content.</param>
    /// <returns>False if it is another one, or none.</returns>
    public static bool TryTouch(string path, byte[] content)
    {
        try
        {
            Require(path);
            using FileStream stream = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (!Content(stream).AsSpan().SequenceEqual(content))
                return false;
            stream.Position = 0;
            stream.Write(content.AsSpan(0, 1));
            return true;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Locked or out of reach for a moment: the next time tells.
            return true;
        }
    }

    /// <summary>Removes a claim.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="known">What was read; another content, or another time if that was given, is left as it is.</param>
    /// <param name="time">The time that it must have; null for any.</param>
    /// <returns>False if it is another one, or locked.</returns>
    /// <exception cref="IOException">It cannot be removed.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to remove it.</exception>
    public static bool TryRemove(string path, byte[] known, DateTime? time = null)
    {
        try
        {
            Require(path);

            // Windows lets nobody delete a file that is open without sharing that.
            using FileStream stream = new(path, FileMode.Open, FileAccess.ReadWrite, OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None, bufferSize: 0);
            if (!Content(stream).AsSpan().SequenceEqual(known) || (time is not null && File.GetLastWriteTimeUtc(stream.SafeFileHandle) != time))
                return false;
            stream.Position = 0;
            stream.Write([GivenUp, .. Guid.NewGuid().ToByteArray()]);
            File.Delete(path);
            return true;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException error) when (FolderLock.IsSharingViolation(error))
        {
            return false;
        }
    }

    /// <summary>Whether the content is that of a claim whose removal was not completed.</summary>
    /// <param name="content">The content.</param>
    public static bool IsGivenUp(ReadOnlySpan<byte> content) => content.Length > 0 && content[0] == GivenUp;

    /// <summary>Throws for what is no file of its own: others can put a link into a shared folder, and what it leads to would be written.</summary>
    private static void Require(string path)
    {
        RegularFile.Check(path);
        if (new FileInfo(path).LinkTarget is not null)
            throw new IOException("It is a link, not a file.");
    }

    private static byte[] Content(FileStream stream)
    {
        byte[] content = new byte[ClaimOwner.Longest + 1];
        return content[..stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false)];
    }

    private static bool TryMove(string temporary, string path)
    {
        try
        {
            File.Move(temporary, path);
            return true;
        }
        catch (IOException) when (Path.Exists(path))
        {
            return false;
        }
    }

    /// <summary>Creates a claim where a file system has no links. A process that is killed at that moment leaves an empty one.</summary>
    private static bool TryWrite(string path, byte[] content)
    {
        try
        {
            using FileStream stream = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            stream.Write(content);
            return true;
        }
        catch (IOException) when (Path.Exists(path))
        {
            return false;
        }
    }
}

/// <summary>A claim as it was read.</summary>
/// <param name="Content">Its content; null while another process has it locked.</param>
/// <param name="Time">When its owner last touched it, by the clock of the file system.</param>
internal sealed record ClaimState(byte[]? Content, DateTime Time);
