using Microsoft.ML.OnnxRuntime.Tensors;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

/// <summary>
/// A ControlNet: from what the U-Net takes and a picture of what is to be where it computes what is added to the U-Net's
/// own values inside. Source: Zhang et al., arXiv 2302.05543.
/// </summary>
public sealed class ControlNet : IDisposable
{
    private readonly OnnxSession _session;
    private readonly OnnxValueInfo _sample;
    private readonly OnnxValueInfo _timestep;
    private readonly OnnxValueInfo _embedding;
    private readonly OnnxValueInfo _picture;
    private readonly OnnxValueInfo _scale;
    private readonly OnnxValueInfo? _pooledText;
    private readonly OnnxValueInfo? _sizes;
    private readonly OnnxValueInfo[] _outputs;

    internal ControlNet(OnnxSession session, string name, string? hash)
    {
        _session = session;
        Name = name;
        Hash = hash;
        _sample = session.Input("sample");
        _timestep = session.Input("timestep");
        _embedding = session.Input("encoder_hidden_states");
        _picture = session.Input("controlnet_cond");
        _scale = session.Input("conditioning_scale");
        _pooledText = session.Inputs.GetValueOrDefault("text_embeds");
        _sizes = session.Inputs.GetValueOrDefault("time_ids");
        _outputs = ControlResiduals.Find(session.Outputs);
    }

    /// <summary>The name that it was asked for by.</summary>
    public string Name { get; }

    /// <summary>The first ten hexadecimal digits of the SHA-256 of its weights; null where they are not known.</summary>
    public string? Hash { get; }

    /// <summary>Refuses a U-Net of another form.</summary>
    /// <param name="unet">The U-Net.</param>
    /// <param name="model">The model's name.</param>
    /// <exception cref="ShapeMismatchException">The U-Net does not take what the ControlNet gives.</exception>
    internal void CheckFits(UNet unet, string model)
    {
        bool fits = _embedding.Dimensions[^1] == unet.EmbeddingWidth
            && _pooledText is not null == unet.TakesPooledText
            && _sample.Dimensions[1] == unet.LatentChannels
            && _outputs.Select(output => output.Dimensions[1]).SequenceEqual(unet.Residuals.Select(residual => residual.Dimensions[1]));
        if (!fits)
            throw new ShapeMismatchException($"The ControlNet '{Name}' was made for models of another family than '{model}'. Take one that was made for this family: Stable Diffusion 1.x, 2.x or XL.");
    }

    /// <summary>Binds the memory of a denoising and a text embedding, for one run a step. For one thread.</summary>
    internal OnnxCall Bind(ControlBuffers memory, ControlInput own, TextVectors text, float[] sizes, List<OnnxBuffer> opened)
    {
        List<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs =
        [
            (_sample, own.Sample), (_timestep, own.Timestep), (_picture, own.Picture), (_scale, own.Scale),
            (_embedding, Open(new OnnxBuffer(text.HiddenStates, _embedding.ElementType))),
        ];
        if (_pooledText is not null)
            inputs.Add((_pooledText, Open(new OnnxBuffer(text.PooledState!, _pooledText.ElementType))));
        if (_sizes is not null)
            inputs.Add((_sizes, Open(new OnnxBuffer(new Tensors.Tensor(sizes, 1, sizes.Length), _sizes.ElementType))));
        return _session.Bind([.. _outputs.Zip(memory.Outputs)], [.. inputs]);

        OnnxBuffer Open(OnnxBuffer buffer)
        {
            opened.Add(buffer);
            return buffer;
        }
    }

    /// <summary>Makes the memory of what it takes in a denoising, whatever the text.</summary>
    internal ControlInput CreateInput(ControlCondition condition, int height, int width)
    {
        OnnxBuffer scale = new(new Tensors.Tensor([(float)condition.Scale], 1), _scale.ElementType);
        return new ControlInput(
            new OnnxBuffer(_sample.ElementType, 1, _sample.Dimensions[1], height, width),
            _timestep.Rank == 0 ? new OnnxBuffer(_timestep.ElementType) : new OnnxBuffer(_timestep.ElementType, 1),
            new OnnxBuffer(condition.Picture, _picture.ElementType),
            scale);
    }

    /// <summary>The element type of what it gives.</summary>
    internal TensorElementType OutputType => _outputs[0].ElementType;

    /// <summary>Frees the graph.</summary>
    public void Dispose() => _session.Dispose();
}

/// <summary>The memory of what one ControlNet takes, whatever the text.</summary>
internal sealed record ControlInput(OnnxBuffer Sample, OnnxBuffer Timestep, OnnxBuffer Picture, OnnxBuffer Scale) : IDisposable
{
    public void Dispose()
    {
        Sample.Dispose();
        Timestep.Dispose();
        Picture.Dispose();
        Scale.Dispose();
    }
}
