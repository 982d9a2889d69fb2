using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Onnx;

namespace StableDiffusion.Pipelines.Preparing;

/// <summary>Which predictions share a run of the U-Net: those of several latents, or the two that guidance makes of one.</summary>
internal static class SharedRuns
{
    /// <summary>
    /// Whether both predictions of guidance are to be made in one run. On a graphics card a run of twice the rows takes less time
    /// than two runs; on the processor it takes more, and twice the memory.
    /// </summary>
    /// <param name="device">The device of the U-Net.</param>
    public static bool JoinsSides(Device device) => device.Kind != DeviceKind.Cpu;

    /// <summary>Whether both predictions of guidance for one latent are made in one run.</summary>
    /// <param name="device">The device of the U-Net.</param>
    /// <param name="request">The request.</param>
    /// <param name="unet">The U-Net.</param>
    public static bool JoinsSides(Device device, DenoiseRequest request, UNet unet) =>
        JoinsSides(device) && request.IsGuided(unet) && request.CanJoinSides && WhyAlone(request, unet) is null;

    /// <summary>Why each prediction of a U-Net is a run by itself, whatever the request.</summary>
    /// <param name="unet">The U-Net.</param>
    /// <returns>The reason; null if there is none.</returns>
    public static string? WhyAlone(UNet unet) => unet switch
    {
        { Variant: ModelVariant.InstructPix2Pix } => "the model edits images by instructions",
        { TakesBatches: false } => "the graph of the U-Net takes one latent at a time",
        _ => null,
    };

    /// <summary>Why each prediction of a request is a run by itself.</summary>
    /// <param name="request">The request.</param>
    /// <param name="unet">The U-Net.</param>
    /// <returns>The reason; null if there is none.</returns>
    public static string? WhyAlone(DenoiseRequest request, UNet unet) => WhyAlone(unet) ?? request switch
    {
        { Attention: not null } => "its cross-attention is kept",
        { Windows: not null } => "the U-Net predicts for its windows one by one",
        { Positive.Parts.Count: > 1 } => "its prompt is composed of several (AND)",
        { Controls: var controls } when !controls.All(static control => control.Net.TakesBatches) => "the graph of a ControlNet takes one latent at a time",
        { Reuse.OuterLayers.TakesBatches: false } => "the graph of the outer layers takes one latent at a time",
        { Reuse: not null, Positive: var positive, Negative: var negative } when ChangesWithSteps(positive) || ChangesWithSteps(negative) => "it reuses features for a prompt that changes with the steps",
        { AddedChannels: var added } when (added?.Shape[1] ?? 0) != unet.Channels - unet.LatentChannels => "the U-Net has input channels of unknown meaning",
        _ => null,
    };

    private static bool ChangesWithSteps(Conditioning? conditioning) => conditioning?.Parts[0].Schedule.Count > 1;
}
