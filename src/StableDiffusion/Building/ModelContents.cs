using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Storage;

namespace StableDiffusion.Building;

/// <summary>What a model's source holds, open for reading.</summary>
/// <param name="networks">The networks: one or two text encoders, the U-Net and the autoencoder.</param>
/// <param name="files">The files that every form of the model has alike: their paths in the model's folder, and their bytes.</param>
/// <param name="opened">What is to be closed with it.</param>
internal sealed class ModelContents(IReadOnlyList<ModelNetwork> networks, IReadOnlyList<(string Path, byte[] Bytes)> files, IReadOnlyList<IDisposable> opened) : IDisposable
{
    public IReadOnlyList<ModelNetwork> Networks { get; } = networks;

    public IReadOnlyList<(string Path, byte[] Bytes)> Files { get; } = files;

    /// <summary>The family of the model, where its form tells it.</summary>
    public ModelFamily? Family { get; init; }

    /// <summary>What the model takes besides the noise, where its form tells it.</summary>
    public ModelVariant? Variant { get; init; }

    /// <summary>What is worth telling of the source.</summary>
    public IReadOnlyList<CheckpointFinding> Findings { get; init; } = [];

    /// <summary>The folder that is taken over as it is, where nothing is built.</summary>
    public OnnxFolder? CopiedFrom { get; init; }

    /// <summary>Copies the files of a source that is taken over as it is.</summary>
    /// <param name="folder">The folder to copy into.</param>
    /// <param name="clock">Hears how far the copying has come.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public void CopyTo(string folder, ProgressClock clock, CancellationToken cancellationToken)
    {
        IReadOnlyList<(string Name, string Path)> inputs = CopiedFrom!.Inputs;
        long total = inputs.Sum(static input => FileHashes.Length(input.Path));
        long done = 0;
        byte[] buffer = new byte[1 << 20];
        foreach ((string name, string path) in inputs)
        {
            string target = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using FileStream from = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            using FileStream to = new(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            for (int count = from.Read(buffer); count > 0; count = from.Read(buffer))
            {
                cancellationToken.ThrowIfCancellationRequested();
                to.Write(buffer, 0, count);
                done += count;
                clock.Report("Copying the model", name, done, total);
            }
        }
    }

    public void Dispose()
    {
        foreach (IDisposable item in opened)
            item.Dispose();
    }
}
