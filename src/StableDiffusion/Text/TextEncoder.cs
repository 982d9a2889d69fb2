using StableDiffusion.Onnx;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>
/// CLIP's text encoder: turns a prompt's tokens into the vectors that steer the U-Net. Source: Radford et al., arXiv 2103.00020.
/// </summary>
public sealed class TextEncoder : IDisposable
{
    private readonly ClipTokenizer _tokenizer;
    private readonly OnnxSession _session;
    private readonly OnnxValueInfo _ids;
    private readonly OnnxValueInfo _hiddenStates;
    private readonly string _model;

    internal TextEncoder(ClipTokenizer tokenizer, OnnxSession session, string model)
    {
        _tokenizer = tokenizer;
        _session = session;
        _model = model;
        _ids = session.Input("input_ids");
        _hiddenStates = session.Output("last_hidden_state");
    }

    /// <summary>Encodes one prompt.</summary>
    /// <param name="prompt">The prompt; may be empty, which stands for no wish at all.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>The embedding; its <see cref="TextEmbedding.LostText"/> holds what did not fit into 77 tokens.</returns>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the encoder gave values that are not finite.</exception>
    public TextEmbedding Encode(string prompt, CancellationToken cancellationToken = default)
    {
        TokenizedPrompt tokens = _tokenizer.Encode(prompt);
        using OnnxBuffer ids = OnnxBuffer.FromIntegers([.. tokens.Ids], _ids.ElementType, 1, tokens.Ids.Count);
        Tensor hiddenStates = _session.Run(_hiddenStates, cancellationToken, (_ids, ids));
        if (!hiddenStates.IsFinite())
            throw new InferenceException($"The text encoder gave values that are not finite for the prompt '{prompt}'. The model's weights are damaged, or too large for half precision.");
        return new TextEmbedding(prompt, tokens, hiddenStates, _model);
    }

    /// <summary>Frees the graph.</summary>
    public void Dispose() => _session.Dispose();
}
