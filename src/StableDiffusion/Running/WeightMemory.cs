using System.Collections.Concurrent;
using StableDiffusion.Building;
using StableDiffusion.Networks;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Running;

/// <summary>
/// The memory that weights take on the processor, found without opening a network. It computes in 32-bit floats, whatever the
/// files of a source hold. Each source is looked at once. Thread-safe.
/// </summary>
/// <param name="model">The model.</param>
internal sealed class WeightMemory(DiffusionModel model)
{
    private readonly ConcurrentDictionary<string, long> _known = new(StringComparer.Ordinal);

    /// <summary>The memory of the model's own weights, in bytes: the size of its graphs, or of those that will be built.</summary>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    public long Own(CancellationToken cancellationToken = default) => _known.GetOrAdd(model.Info.Path, _ => model.FindBuilt(cancellationToken) is string folder
        ? LengthOf(folder, cancellationToken)
        : LengthOf(ModelSources.Find(model.Info.Path, new ImportOptions())));

    /// <summary>The memory of the weights of something that is used with the model, in bytes.</summary>
    /// <param name="source">Its files, which exist.</param>
    public long Of(IModelSource source) => _known.GetOrAdd(source.Path, _ => LengthOf(source));

    // A graph with weights of 16 bits that the processor uses has one beside it that computes in 32 bits.
    private static long LengthOf(string folder, CancellationToken cancellationToken)
    {
        string[] files = [.. FolderFiles.Enumerate(folder, cancellationToken)];
        HashSet<string?> halves = [.. files.Where(static file => Path.GetFileName(file) == ModelParts.FullOf(ModelParts.Graph)).Select(Path.GetDirectoryName)];
        return files.Sum(file => LengthOf(file) * (halves.Contains(Path.GetDirectoryName(file)) && Path.GetExtension(file) != Path.GetExtension(ModelParts.Graph) ? 2 : 1));
    }

    private static long LengthOf(IModelSource source) => source.Inputs.Sum(static input => LengthOf(input.Path));

    private static long LengthOf(string path)
    {
        try
        {
            if (TensorFile.HasKnownEnding(path))
            {
                using ITensorFile file = TensorFile.Open(path);
                return file.Tensors.Values.Sum(static tensor => tensor.Count * sizeof(float));
            }

            return FileHashes.Length(path);
        }
        catch (DiffusionException)
        {
            // It is refused when it is opened.
            return 0;
        }
    }
}
