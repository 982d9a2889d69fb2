using StableDiffusion.Tensors;

namespace StableDiffusion.Weights;

/// <summary>The weights of one file that uses diffusers' names.</summary>
/// <param name="file">The file; the caller disposes it after the last read.</param>
internal sealed class FileWeights(ITensorFile file) : IWeights
{
    public string Source => file.Path;

    public IReadOnlyList<long>? FindShape(string name) => file.FindFloatShape(name);

    public void Read(string name, Span<float> destination, long start = 0) => file.Read(name, destination, start);
}
