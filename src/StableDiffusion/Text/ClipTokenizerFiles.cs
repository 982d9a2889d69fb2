using System.Globalization;
using System.Text;
using System.Text.Json;
using StableDiffusion.Storage;

namespace StableDiffusion.Text;

/// <summary>The contents of a model's <c>tokenizer</c> folder, read and checked.</summary>
internal sealed class ClipTokenizerFiles
{
    private const string VocabularyFile = "vocab.json";
    private const string MergesFile = "merges.txt";
    private const string FastFile = "tokenizer.json";
    private const string ConfigFile = "tokenizer_config.json";
    private const string SpecialTokensFile = "special_tokens_map.json";
    private const string AddedTokensFile = "added_tokens.json";

    private const string DefaultStart = "<|startoftext|>";
    private const string DefaultEnd = "<|endoftext|>";
    private const int DefaultMaxLength = 77;
    private const int LongestMaxLength = 4096;

    private readonly string _folder;
    private readonly Dictionary<string, int> _specialTokens = new(StringComparer.Ordinal);
    private (int Id, string File) _largest = (-1, VocabularyFile);

    private ClipTokenizerFiles(string folder)
    {
        _folder = folder;
    }

    /// <summary>The names of the files that are read of a folder, in order.</summary>
    public static IReadOnlyList<string> Names { get; } = [AddedTokensFile, MergesFile, SpecialTokensFile, FastFile, ConfigFile, VocabularyFile];

    /// <summary>The ids of the entries of the byte-level vocabulary.</summary>
    public Dictionary<string, int> Vocabulary { get; private set; } = [];

    /// <summary>The pairs to merge, the most frequent first, each as two entries separated by a space.</summary>
    public List<string> Merges { get; private set; } = [];

    /// <summary>The tokens that are recognized as they are wherever they occur in a text.</summary>
    public IReadOnlyDictionary<string, int> SpecialTokens => _specialTokens;

    /// <summary>The token for bytes that are not in the vocabulary; null leaves them out.</summary>
    public string? UnknownToken { get; private set; }

    /// <summary>The id before every prompt.</summary>
    public int StartId { get; private set; }

    /// <summary>The id after every prompt.</summary>
    public int EndId { get; private set; }

    /// <summary>The id that pads short prompts.</summary>
    public int PadId { get; private set; }

    /// <summary>The number of ids that the text encoder accepts.</summary>
    public int MaxLength { get; private set; } = DefaultMaxLength;

    /// <summary>Whether a folder has a vocabulary, in one of its two forms.</summary>
    /// <param name="folder">The folder's path.</param>
    public static bool HasVocabulary(string folder) =>
        (File.Exists(Path.Combine(folder, VocabularyFile)) && File.Exists(Path.Combine(folder, MergesFile))) || File.Exists(Path.Combine(folder, FastFile));

    /// <summary>Reads a folder.</summary>
    /// <param name="folder">The folder's path.</param>
    /// <returns>The contents.</returns>
    /// <exception cref="ModelNotFoundException">The folder, or the vocabulary in it, is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged, belongs to another kind of tokenizer, or is a link that leads out of the model's folder.</exception>
    public static ClipTokenizerFiles Read(string folder)
    {
        if (!Directory.Exists(folder))
            throw new ModelNotFoundException($"There is no tokenizer folder '{folder}'. A model folder has one with vocab.json and merges.txt, or tokenizer.json, in it.");

        ClipTokenizerFiles files = new(Path.GetFullPath(folder));
        try
        {
            files.ReadAll();
        }
        catch (InvalidOperationException error)
        {
            // System.Text.Json detects escaped unpaired surrogates only when the string is read.
            throw new ModelInvalidException($"A file of the tokenizer folder '{folder}' holds text that is not valid Unicode. Copy the folder from the model again.", error);
        }

        return files;
    }

    /// <summary>Checks that a text encoder has a row for each id, and takes as many ids as a prompt has.</summary>
    /// <param name="vocabularySize">The number of ids that the text encoder has.</param>
    /// <param name="positions">The largest number of ids that it takes at a time.</param>
    /// <exception cref="ModelInvalidException">It has fewer.</exception>
    public void CheckFits(int vocabularySize, int positions)
    {
        if (_largest.Id >= vocabularySize)
            throw Invalid(_largest.File, $"has the id {_largest.Id}, but the text encoder has {vocabularySize} ids from 0; they are of different models");
        if (MaxLength > positions)
            throw Invalid(ConfigFile, $"makes prompts of {MaxLength} ids ('model_max_length'), but the text encoder takes {positions} ('max_position_embeddings'); they are of different models");
    }

    private void ReadAll()
    {
        string? pad = null;
        if (Has(VocabularyFile) && Has(MergesFile))
        {
            ReadVocabulary();
            ReadMerges();
        }
        else if (Has(FastFile))
        {
            pad = ReadFastFile();
        }
        else
        {
            string missing = Has(VocabularyFile) ? MergesFile : VocabularyFile;
            throw new ModelNotFoundException($"The tokenizer folder '{_folder}' lacks {missing}, and has no {FastFile} either. Copy the whole tokenizer folder of the model.");
        }

        ReadSettings(pad);
    }

    private bool Has(string file) => Directory.Exists(PathOf(file)) ? throw Invalid(file, "is a folder, not a file") : File.Exists(PathOf(file));

    private string PathOf(string file) => Path.Combine(_folder, file);

    private void ReadVocabulary()
    {
        using JsonDocument document = ReadJson(VocabularyFile);
        AddVocabulary(document.RootElement, VocabularyFile);
    }

    private void AddVocabulary(JsonElement entries, string file)
    {
        if (entries.ValueKind != JsonValueKind.Object)
            throw Invalid(file, "has a vocabulary that is not an object of tokens and their ids");

        HashSet<int> ids = [];
        foreach (JsonProperty entry in entries.EnumerateObject())
        {
            int id = ReadId(file, entry.Value);
            if (!ids.Add(id))
                throw Invalid(file, $"gives the id {id} to two tokens");
            if (!Vocabulary.TryAdd(entry.Name, id))
                throw Invalid(file, $"names the token with the id {id} twice");
        }
    }

    private int ReadId(string file, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out int id) || id < 0)
            throw Invalid(file, "gives a token no id of zero or more");
        return Note(file, id);
    }

    private int Note(string file, int id)
    {
        if (id > _largest.Id)
            _largest = (id, file);
        return id;
    }

    private void ReadMerges()
    {
        int line = 0;
        foreach (string text in ReadLines(MergesFile))
        {
            line++;
            bool isHeader = line == 1 && text.StartsWith("#version", StringComparison.Ordinal);
            if (isHeader || text.Length == 0)
                continue;
            AddMerge(text, $"{MergesFile}, line {line}");
        }

        CheckMerges(MergesFile);
    }

    private void AddMerge(string merge, string place)
    {
        int space = merge.IndexOf(' ', StringComparison.Ordinal);
        if (space <= 0 || space == merge.Length - 1 || merge.IndexOf(' ', space + 1) >= 0)
            throw Invalid(place, "is not two tokens with a space between");

        string left = merge[..space];
        string right = merge[(space + 1)..];
        foreach (string token in (ReadOnlySpan<string>)[left, right, left + right])
        {
            if (!Vocabulary.ContainsKey(token))
                throw Invalid(place, "merges what the vocabulary does not have; the files are of different models");
        }

        Merges.Add(merge);
    }

    private void CheckMerges(string file)
    {
        if (Merges.Count == 0)
            throw Invalid(file, "holds no pairs to merge");

        if (Merges.Distinct(StringComparer.Ordinal).Count() < Merges.Count)
            throw Invalid(file, "has a pair to merge twice");
    }

    private string? ReadFastFile()
    {
        using JsonDocument document = ReadJson(FastFile);
        JsonElement root = document.RootElement;
        if (!root.TryGetProperty("model", out JsonElement model)
            || model.ValueKind != JsonValueKind.Object
            || Text(model, "end_of_word_suffix") != ClipTokenizerAlphabet.EndOfWord
            || !model.TryGetProperty("vocab", out JsonElement vocabulary)
            || !model.TryGetProperty("merges", out JsonElement merges)
            || merges.ValueKind != JsonValueKind.Array)
        {
            throw Invalid(FastFile, $"describes no byte pair encoding with the end-of-word mark '{ClipTokenizerAlphabet.EndOfWord}', so it is not a CLIP tokenizer");
        }

        AddVocabulary(vocabulary, FastFile);
        int index = 0;
        foreach (JsonElement merge in merges.EnumerateArray())
        {
            string text = merge.ValueKind switch
            {
                JsonValueKind.String => merge.GetString()!,
                JsonValueKind.Array => string.Join(' ', merge.EnumerateArray().Select(token => token.ToString())),
                _ => merge.ToString(),
            };
            AddMerge(text, $"{FastFile}, merge {index++}");
        }

        CheckMerges(FastFile);

        if (root.TryGetProperty("added_tokens", out JsonElement added) && added.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement token in added.EnumerateArray())
            {
                if (Text(token, "content") is string content && token.TryGetProperty("id", out JsonElement id))
                    AddSpecialToken(content, ReadId(FastFile, id));
            }
        }

        return root.TryGetProperty("padding", out JsonElement padding) ? Text(padding, "pad_token") : null;
    }

    private void ReadSettings(string? pad)
    {
        string start = DefaultStart;
        string end = DefaultEnd;
        string? unknown = null;
        bool configIsComplete = false;

        if (Has(AddedTokensFile))
        {
            using JsonDocument added = ReadJson(AddedTokensFile);
            foreach (JsonProperty token in added.RootElement.EnumerateObject())
                AddSpecialToken(token.Name, ReadId(AddedTokensFile, token.Value));
        }

        if (Has(ConfigFile))
        {
            using JsonDocument config = ReadJson(ConfigFile);
            ReadNames(config.RootElement);
            if (config.RootElement.TryGetProperty("model_max_length", out JsonElement length)
                && length.ValueKind == JsonValueKind.Number && length.TryGetDouble(out double longest)
                && longest is > 2 and <= LongestMaxLength)
            {
                MaxLength = (int)longest;
            }

            if (config.RootElement.TryGetProperty("added_tokens_decoder", out JsonElement decoder) && decoder.ValueKind == JsonValueKind.Object)
            {
                configIsComplete = true;
                foreach (JsonProperty token in decoder.EnumerateObject())
                {
                    if (Text(token.Value, "content") is string content && int.TryParse(token.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                        AddSpecialToken(content, Note(ConfigFile, id));
                }
            }
        }

        // As in transformers: if two files disagree, as in Stable Diffusion 2.1, the map takes precedence, unless the configuration
        // lists its tokens itself.
        if (Has(SpecialTokensFile) && !configIsComplete)
        {
            using JsonDocument map = ReadJson(SpecialTokensFile);
            ReadNames(map.RootElement);
        }

        StartId = IdOf(start, "starts");
        EndId = IdOf(end, "ends");
        PadId = pad is null ? EndId : IdOf(pad, "fills up");
        UnknownToken = Array.Find([unknown, end], token => token is not null && Vocabulary.ContainsKey(token));

        void ReadNames(JsonElement names)
        {
            start = Text(names, "bos_token") ?? start;
            end = Text(names, "eos_token") ?? end;
            pad = Text(names, "pad_token") ?? pad;
            unknown = Text(names, "unk_token") ?? unknown;
        }
    }

    private int IdOf(string token, string purpose)
    {
        if (!_specialTokens.TryGetValue(token, out int id) && !Vocabulary.TryGetValue(token, out id))
            throw new ModelInvalidException($"The tokenizer folder '{_folder}' has no id for the token that {purpose} every prompt. Its files are incomplete or of different models.");

        AddSpecialToken(token, id);
        return id;
    }

    private void AddSpecialToken(string token, int id)
    {
        if (token.Length > 0)
            _specialTokens[token] = id;
    }

    // A token is written as a string, or as an object with the string as its content.
    private static string? Text(JsonElement parent, string name)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out JsonElement value))
            return null;
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out JsonElement content))
            value = content;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    private JsonDocument ReadJson(string file)
    {
        try
        {
            JsonDocument document = JsonDocument.Parse(ReadBytes(file), new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;

            document.Dispose();
            throw Invalid(file, "is not a JSON object");
        }
        catch (JsonException error)
        {
            throw error.LineNumber is long line ? Invalid($"{file}, line {line + 1}", "is not valid JSON", error) : Invalid(file, "has a key twice", error);
        }
    }

    private IEnumerable<string> ReadLines(string file)
    {
        using StringReader lines = new(Encoding.UTF8.GetString(ReadBytes(file).Span));
        while (lines.ReadLine() is string line)
            yield return line;
    }

    private ReadOnlyMemory<byte> ReadBytes(string file)
    {
        // A second tokenizer may have links to the files of the first one; both are in the model's folder.
        FolderLinks.Check(Path.GetDirectoryName(_folder) ?? _folder, PathOf(file));
        return ModelJson.CheckUtf8(ModelJson.ReadBytes(PathOf(file), ModelJson.MaxLargeLength), $"The tokenizer's {file}, in '{_folder}',");
    }

    private ModelInvalidException Invalid(string place, string fault, Exception? cause = null) =>
        new($"The tokenizer's {place}, in '{_folder}' {fault}. Copy the file from the model again.", cause);
}
