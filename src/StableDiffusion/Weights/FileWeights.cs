using StableDiffusion.Tensors;

namespace StableDiffusion.Weights;

/// <summary>The weights of one file whose tensors have diffusers' own names.</summary>
/// <param name="file">The file; its owner disposes it after the last reading.</param>
internal sealed class FileWeights(ITensorFile file) : IWeights
{
    public string Source => file.Path;

    public IReadOnlyList<long>? FindShape(string name) => file.Tensors.GetValueOrDefault(name)?.Shape;

    public void Read(string name, Span<float> destination, long start = 0) => file.Read(name, destination, start);
}
