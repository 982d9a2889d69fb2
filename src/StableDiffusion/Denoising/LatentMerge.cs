using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Merging;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>Merges two latents into one that lies between them.</summary>
public static class LatentMerge
{
    private const string Setting = "Latent";

    /// <summary>Merges two latents.</summary>
    /// <param name="first">The latent for a ratio of 0, denoised to the end or encoded from an image.</param>
    /// <param name="second">The latent for a ratio of 1, of the same size and model.</param>
    /// <param name="ratio">The part of the second one, 0 to 1.</param>
    /// <param name="mode">Spherical, with all values of a latent together, or linear.</param>
    /// <returns>
    /// The new latent, which can be decoded or be the start of a denoising. It has the settings that both have in common, and a
    /// record that says what was merged; the image of an encoded latent does not belong to it, nor does a mask.
    /// </returns>
    /// <exception cref="InvalidSettingException">The ratio is out of range, a latent is noisy, or the latents are of different models.</exception>
    /// <exception cref="ShapeMismatchException">The latents are of different sizes.</exception>
    /// <exception cref="NotFiniteException">A value is NaN, infinite, or far beyond those of models.</exception>
    public static Latent Merge(Latent first, Latent second, double ratio, InterpolationMode mode = InterpolationMode.Spherical)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        Settings.Setting.CheckRange(MergeStage.RatioSetting, ratio, 0, 1);
        CheckClean(first);
        CheckClean(second);
        CheckAlike(first, second);
        Tensor merged = new(Interpolation.Between(first.Tensor.Span, second.Tensor.Span, ratio, mode), [.. first.Tensor.Shape]);
        StageList stages = MergeStage.Of(StageOperation.MergeLatents, first.Origin(), second.Origin(), ratio, mode, StageList.Hash<float>(merged.Span));
        GenerationInfo info = SettingTable.Shared(first.Info, second.Info) with
        {
            Width = first.Width ?? second.Width,
            Height = first.Height ?? second.Height,
            Model = first.Model ?? second.Model,
            Stages = stages,
        };
        return new Latent(merged, info) { Maker = first.Maker ?? second.Maker };
    }

    /// <summary>Repeats a recorded merge.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="latents">Its inputs.</param>
    internal static Latent Repeat(GenerationStage stage, IReadOnlyList<Latent> latents)
    {
        (double ratio, InterpolationMode mode, _) = MergeStage.Read(stage);
        return Merge(latents[0], latents[1], ratio, mode);
    }

    private static void CheckClean(Latent latent)
    {
        latent.CheckFinite();
        if (!latent.IsComplete)
            throw new InvalidSettingException(Setting, $"The denoising of the latent was stopped at step {latent.Step} of {latent.StepCount}, and the history of its scheduler cannot be merged. Merge latents that are denoised to the end.");
        bool isNoised = latent.Stages?.Reverse().TakeWhile(static stage => stage.Operation is not (StageOperation.Denoise or StageOperation.EncodeImage)).Any(static stage => stage.Operation == StageOperation.AddNoise) == true;
        if (isNoised)
            throw new InvalidSettingException(Setting, "Noise was added to the latent, and the level of what is merged with other noise would be another one. Merge the clean latents, and add the noise to the result.");
    }

    private static void CheckAlike(Latent first, Latent second)
    {
        if (!first.Tensor.Shape.SequenceEqual(second.Tensor.Shape) || first.Factor != second.Factor)
            throw new ShapeMismatchException($"The latents have different sizes: {first.Tensor} and {second.Tensor}, for images of {SizeOf(first)} and {SizeOf(second)} pixels. Make both of one size.");
        bool isOther = first.Maker?.Hash is string hash && second.Maker?.Hash is string otherHash
            ? hash != otherHash
            : first.Model is not null && second.Model is not null && first.Model != second.Model;
        if (isOther)
            throw Different("models", ModelMark.InWords(first.Model, first.Maker), ModelMark.InWords(second.Model, second.Maker));
        if (first.Vae != second.Vae)
            throw Different("autoencoders", first.Vae ?? "that of the model", second.Vae ?? "that of the model");

        static InvalidSettingException Different(string what, string ofFirst, string ofSecond) =>
            new(Setting, $"The latents are of different {what}: {ofFirst} and {ofSecond}. Make both with the same one, or decode them, and encode the images with one.");

        static string SizeOf(Latent latent) => $"{latent.Tensor.Shape[3] * latent.Factor}x{latent.Tensor.Shape[2] * latent.Factor}";
    }
}
