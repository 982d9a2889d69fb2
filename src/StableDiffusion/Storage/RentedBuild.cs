namespace StableDiffusion.Storage;

/// <summary>A complete folder of graphs in use, which is not deleted before it is disposed.</summary>
/// <param name="folder">The full path of the folder.</param>
/// <param name="held">The lock on it; null if it needs none.</param>
internal sealed class RentedBuild(string folder, IDisposable? held) : IDisposable
{
    /// <summary>The full path of the folder.</summary>
    public string Folder { get; } = folder;

    public void Dispose() => held?.Dispose();
}
