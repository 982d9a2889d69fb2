namespace StableDiffusion.Storage;

/// <summary>A complete folder of graphs in use, which is not deleted before it is disposed.</summary>
/// <param name="folder">The full path of the folder.</param>
/// <param name="held">The lock on it; null if it needs none.</param>
internal sealed class RentedBuild(string folder, IDisposable? held) : IDisposable
{
    /// <summary>The full path of the folder.</summary>
    public string Folder { get; } = folder;

    /// <summary>Whether it was built for this use.</summary>
    public bool IsNew { get; set; }

    /// <summary>Ends the use, and deletes what was built for it, unless others have it open.</summary>
    public void Discard()
    {
        Dispose();
        if (!IsNew)
            return;

        try
        {
            new BuildCache(Path.GetDirectoryName(Folder)!).TryDelete(Path.GetFileName(Folder));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // On Windows, the files of parts that are open cannot be deleted.
        }
    }

    public void Dispose() => held?.Dispose();
}
