using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>
/// Writes embeddings of prompts as safetensors files with all that is needed to denoise with them in another process, including
/// the vectors of the words of textual inversion. Thread-safe.
/// </summary>
public static class TextEmbeddingFile
{
    private const string Format = "StableDiffusion.TextEmbedding";
    private const int Version = 1;
    private const string Head = "embedding";
    private const string HiddenStates = "hidden_states";
    private const string PooledState = "pooled_state";
    private const string Words = "words";
    private const string Record = "record";

    // The key of vectors for any encoder is empty.
    private static readonly (string Encoder, string Tensor)[] s_encoders =
        [(string.Empty, "any"), (TextualInversion.FirstEncoder, TextualInversion.FirstEncoder), (TextualInversion.SecondEncoder, TextualInversion.SecondEncoder)];

    private static readonly StateFile s_file = new(static (message, cause) => new EmbeddingInvalidException(message, cause));

    /// <summary>Writes an embedding to a file, completely or not at all.</summary>
    /// <param name="embedding">The embedding.</param>
    /// <param name="path">The file, whose name ends in .safetensors.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <returns>The full path of the file, which is also the embedding's <see cref="TextEmbedding.Path"/> now.</returns>
    /// <exception cref="NotFiniteException">A value of the embedding is NaN or infinite.</exception>
    /// <exception cref="InvalidSettingException">The name has another ending.</exception>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written; no partial file remains.</exception>
    public static string Write(TextEmbedding embedding, string path, bool overwrite = false) => embedding.Path = StateFile.Write(Compose(embedding), path, overwrite);

    /// <summary>Writes an embedding as <see cref="Write"/> does, under the first free numbered name if its own is taken.</summary>
    /// <inheritdoc cref="Write"/>
    internal static string WriteNumbered(TextEmbedding embedding, string path) => embedding.Path = StateFile.WriteNumbered(Compose(embedding), path);

    /// <summary>The bytes that <see cref="Write"/> writes.</summary>
    /// <inheritdoc cref="Write"/>
    public static byte[] ToBytes(TextEmbedding embedding) => Compose(embedding).ToBytes();

    /// <summary>Reads an embedding from a file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The embedding. Its model and its adapters are known by their names, since nobody may name a path to open in a file.</returns>
    /// <exception cref="EmbeddingInvalidException">The file cannot be read, is damaged, or is not an embedding; the message says which.</exception>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public static TextEmbedding Read(string path) => s_file.Read(path, static file => Read(file, WithoutPaths, file.Path));

    /// <summary>Reads the bytes that <see cref="ToBytes"/> returned.</summary>
    /// <param name="bytes">The bytes. Paths in them are trusted as those in a parameter are, unlike those in a file.</param>
    /// <returns>The embedding.</returns>
    /// <exception cref="EmbeddingInvalidException">The bytes are damaged, or not those of an embedding.</exception>
    public static TextEmbedding FromBytes(byte[] bytes) => s_file.Read("serialized embedding", bytes, static file => Read(file, static head => head));

    private static StateWriter Compose(TextEmbedding embedding)
    {
        ArgumentNullException.ThrowIfNull(embedding);
        embedding.CheckFinite();
        PromptOptions options = embedding.Options;
        StateWriter writer = new(Format, Version);
        writer.AddJson(Head, new TextEmbeddingHead
        {
            Prompt = embedding.Prompt,
            Model = embedding.Model,
            Maker = embedding.Maker,
            Syntax = options.Syntax,
            Emphasis = options.Emphasis,
            ClipSkip = options.ClipSkip,
            LoraNames = [.. options.LoraNames],
            Loras = options.Loras,
            Words = [.. options.TextualInversions.Select(static word => new WordHead(word.Name, word.Path, word.Hash, word.HasFileName, word.VectorCount))],
            TokenIds = embedding.TokenIds,
            Tokens = embedding.WeightedTokens,
            Warnings = embedding.Warnings,
            LostText = embedding.LostText,
            DynamicText = embedding.DynamicText,
        });
        if (embedding.Stages is StageList stages)
            writer.Add(Record, GenerationRecord.Write(new GenerationInfo { Stages = stages }));
        writer.Add(HiddenStates, embedding.HiddenStates);
        writer.Add(PooledState, embedding.PooledState);
        for (int index = 0; index < options.TextualInversions.Count; index++)
        {
            foreach ((string encoder, string name) in s_encoders)
                writer.Part($"{Words}.{index}").Add(name, options.TextualInversions[index].Vectors.GetValueOrDefault(encoder));
        }

        return writer;
    }

    private static TextEmbedding Read(ITensorFile file, Func<TextEmbeddingHead, TextEmbeddingHead> reduce, string? path = null)
    {
        StateReader reader = new(file, Format, Version, "embedding of a prompt");
        TextEmbeddingHead head = reduce(Check(reader.Json<TextEmbeddingHead>(Head), reader));
        PromptOptions options = new()
        {
            Syntax = head.Syntax,
            Emphasis = head.Emphasis,
            ClipSkip = head.ClipSkip,
            LoraNames = head.LoraNames,
            Loras = head.Loras,
            TextualInversions = [.. head.Words.Select((word, index) => ReadWord(word, reader.Part($"{Words}.{index}")))],
        };
        GenerationInfo? record = reader.FindText(Record) is string text ? GenerationRecord.Read(text) ?? throw reader.Invalid("has a record that is damaged") : null;
        TextVectors vectors = new(reader.Tensor(HiddenStates, 1, -1, -1), reader.FindTensor(PooledState, 1, -1));
        reader.CheckAllRead();
        return new TextEmbedding(head.Prompt, options, vectors, head.TokenIds, head.Tokens, head.Model)
        {
            Path = path,
            Stages = record?.Stages is StageList stages ? RecordedNames.Only(stages) : null,
            Maker = head.Maker,
            LostText = head.LostText,
            Warnings = head.Warnings,
            DynamicText = head.DynamicText,
        };
    }

    private static TextEmbeddingHead Check(TextEmbeddingHead head, StateReader reader)
    {
        PromptLimit.Check(nameof(head.Prompt), head.Prompt);
        PromptLimit.Check(nameof(head.Prompt), head.DynamicText);
        bool isWhole = Enum.IsDefined(head.Syntax) && Enum.IsDefined(head.Emphasis) && head.ClipSkip > 0
            && !Enumerable.Concat<object?>(head.LoraNames, head.Loras).Concat(head.Warnings).Concat(head.Words).Concat(head.Tokens).Contains(null);
        return isWhole ? head : throw reader.Invalid("has options of a prompt that are not valid");
    }

    private static TextualInversion ReadWord(WordHead word, StateReader reader)
    {
        if (word.Count is < 1 or > TextualInversion.MostVectors || !TextualInversion.IsWord(word.Name))
            throw reader.Invalid("has a word of textual inversion that is not valid");
        Dictionary<string, Tensor> vectors = new(StringComparer.Ordinal);
        foreach ((string encoder, string name) in s_encoders)
        {
            if (reader.FindTensor(name, word.Count, -1) is Tensor tensor)
                vectors.Add(encoder, tensor);
        }

        return vectors.Count > 0
            ? new TextualInversion(word.Path, word.Hash, word.Name, vectors) { HasFileName = word.HasFileName }
            : throw reader.Invalid("lacks the vectors of a word of textual inversion");
    }

    private static TextEmbeddingHead WithoutPaths(TextEmbeddingHead head) => head with
    {
        Model = NameOrPath.WithoutFolder(head.Model),
        LoraNames = [.. head.LoraNames.Select(NameOrPath.WithoutFolder)],
        Loras = [.. head.Loras.Select(RecordedNames.LoraName)],
        Words = [.. head.Words.Select(static word => word with { Path = NameOrPath.WithoutFolder(word.Path), HasFileName = true })],
    };
}
