using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// The <c>.latent</c> files of ComfyUI: a batch of clean latents, as the autoencoder has them. Source: <c>SaveLatent</c> and
/// <c>LoadLatent</c> in ComfyUI's nodes.py.
/// </summary>
internal static class ComfyLatent
{
    private const string Values = "latent_tensor";

    // Files without this empty tensor have latents multiplied by the factor of Stable Diffusion 1, whatever the model.
    private const string IsUnscaled = "latent_format_version_0";
    private const double OldFactor = 0.18215;

    private const long MostValues = 1 << 27;

    /// <summary>Whether a file is one of ComfyUI's.</summary>
    public static bool Recognises(ITensorFile file) => file.Tensors.ContainsKey(Values);

    /// <summary>Reads the latents of a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="space">The model that they are for.</param>
    /// <returns>The latents, scaled for the model's U-Net; how they were made is not known.</returns>
    /// <exception cref="LatentInvalidException">The latents are damaged, or not those of such a model.</exception>
    public static IReadOnlyList<Latent> Read(ITensorFile file, LatentSpace space)
    {
        StoredTensor stored = file.Find(Values);
        if (stored.Shape is not [> 0 and <= NoiseOptions.HighestBatchSize, > 0, > 0 and long height, > 0 and long width] || stored.Count > MostValues
            || Math.Max(height, width) * space.Factor > LatentSpace.HighestSide)
            throw new LatentInvalidException($"'{file.Path}' has latents of the shape {stored.ShapeText}, which must be [batch, channels, height, width] and no larger than an image of {LatentSpace.HighestSide} pixels a side.");
        if (stored.Shape[1] != space.Channels)
            throw new LatentInvalidException($"'{file.Path}' has latents of {stored.Shape[1]} channels, and the model '{space.Model}' takes {space.Channels}. They are those of another family of models.");

        Tensor batch = file.Read(Values);
        if (batch.FindUnusable() is string fault)
            throw new LatentInvalidException($"'{file.Path}' has a value that is {fault}. Make the latent again.");
        double factor = space.ScalingFactor * (file.Tensors.ContainsKey(IsUnscaled) ? 1 : 1 / OldFactor);
        TensorPrimitives.Multiply(batch.Span, (float)factor, batch.Span);

        GenerationInfo info = new() { Width = (int)width * space.Factor, Height = (int)height * space.Factor, Model = space.Model };
        int length = batch.Length / batch.Shape[0];
        return [.. Enumerable.Range(0, batch.Shape[0]).Select(index => new Latent(new Tensor(batch.Values[(index * length)..((index + 1) * length)], 1, batch.Shape[1], batch.Shape[2], batch.Shape[3]), info) { Path = file.Path })];
    }
}
