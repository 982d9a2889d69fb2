using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising.Inspection;

/// <summary>
/// Keeps the cross-attention of a denoising: after the predictions of a step's first call, it runs another U-Net on the same
/// inputs, so that the denoising is the same with and without it.
/// </summary>
/// <param name="unet">The U-Net with its attention as outputs.</param>
/// <param name="layers">The layers to keep.</param>
/// <param name="steps">The steps to keep, from 1; null for all.</param>
/// <param name="tokens">The tokens of the prompt.</param>
internal sealed class AttentionProbe(UNet unet, IReadOnlyList<string> layers, IReadOnlyCollection<int>? steps, IReadOnlyList<PromptToken> tokens) : IDisposable
{
    private readonly List<AttentionWeights> _all = [];
    private UNetInput? _input;

    /// <summary>What was kept so far, in the order of the steps.</summary>
    public IReadOnlyList<AttentionWeights> All => [.. _all];

    /// <summary>What was kept of a step.</summary>
    /// <param name="step">The step, from 1.</param>
    public IReadOnlyList<AttentionWeights> Of(int step) => [.. _all.Where(weights => weights.Step == step)];

    /// <summary>Looks at a call.</summary>
    /// <param name="row">The denoising, at the call.</param>
    /// <param name="sample">The sample as the U-Net takes it.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    public void Look(DenoiseRow row, ReadOnlySpan<float> sample, CancellationToken cancellationToken)
    {
        // The number of the step in the whole run, as that of the latent after it.
        int step = row.Request.Scheduler.CountSteps(row.Request.OriginCall + row.Number + 1);
        if ((row.Request.OriginCall + row.Number) % row.Request.Scheduler.Order != 0 || steps?.Contains(step) == false)
            return;
        (int height, int width) = (row.Sample.Shape[2], row.Sample.Shape[3]);
        _input ??= unet.CreateInput(height, width, row.Request.AddedChannels, row.GuidanceScale);
        sample.CopyTo(_input.Sample.Values);
        _input.Upload(row.Timestep);
        TextVectors text = row.Request.Positive.Parts[0].At(row.Step);
        Tensor[] weights = unet.Attend(_input, text, row.Request.Positive.Sizes, layers, cancellationToken);
        _all.AddRange(weights.Select((kept, i) => new AttentionWeights(layers[i], step, height, width, kept, tokens)));
    }

    /// <summary>Releases the memory, but not the U-Net.</summary>
    public void Dispose() => _input?.Dispose();
}
