using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Storage;

namespace StableDiffusion.Building;

/// <summary>The contents of a model's source, open for reading.</summary>
/// <param name="networks">The networks: one or two text encoders, the U-Net and the autoencoder.</param>
/// <param name="files">The files that are the same in every form of the model: their paths in the model's folder, and their bytes.</param>
/// <param name="opened">The resources to dispose.</param>
internal sealed class ModelContents(IReadOnlyList<ModelNetwork> networks, IReadOnlyList<(string Path, byte[] Bytes)> files, IReadOnlyList<IDisposable> opened) : IDisposable
{
    public IReadOnlyList<ModelNetwork> Networks { get; } = networks;

    public IReadOnlyList<(string Path, byte[] Bytes)> Files { get; } = files;

    /// <summary>The family of the model; null if unknown.</summary>
    public ModelFamily? Family { get; init; }

    /// <summary>The variant of the model; null if unknown.</summary>
    public ModelVariant? Variant { get; init; }

    /// <summary>The findings about the source.</summary>
    public IReadOnlyList<CheckpointFinding> Findings { get; init; } = [];

    /// <summary>The source whose files are copied without being built; null otherwise.</summary>
    public IModelSource? CopiedFrom { get; init; }

    /// <summary>Returns the number of free bytes on the disk of a folder; null if unknown.</summary>
    internal Func<string, long?> FreeSpace { get; init; } = DiskSpace.Free;

    /// <summary>Copies the files of a source that is not built.</summary>
    /// <param name="folder">The folder to copy to.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="OutputWriteException">There is not enough room; nothing was copied.</exception>
    public void CopyTo(string folder, ProgressClock? progress, CancellationToken cancellationToken)
    {
        IReadOnlyList<(string Name, string Path)> inputs = CopiedFrom!.Inputs;
        long total = inputs.Sum(static input => FileHashes.Length(input.Path));
        if (FreeSpace(folder) is long free && free < total)
            throw new OutputWriteException($"The copy of '{CopiedFrom.Path}' needs {ByteSize.Format(total)} in '{folder}', where {ByteSize.Format(free)} are free. Free some space, and try again.");
        long done = 0;
        foreach ((string name, string path) in inputs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string target = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);

            // It takes no room where the file system can clone a file.
            File.Copy(path, target);
            File.SetAttributes(target, File.GetAttributes(target) & ~FileAttributes.ReadOnly);
            done += FileHashes.Length(target);
            progress?.Report("Copying the model", name, done, total);
        }
    }

    public void Dispose()
    {
        foreach (IDisposable item in opened)
            item.Dispose();
    }
}
