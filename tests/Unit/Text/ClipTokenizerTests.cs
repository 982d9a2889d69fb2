using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Text;

public sealed class ClipTokenizerTests : IDisposable
{
    private static readonly Lazy<ClipTokenizer> s_public = new(() => ClipTokenizer.Load(Repository.ClipTokenizer));
    private static readonly Lazy<ClipTokenizer> s_demo = new(() => ClipTokenizer.Load(Path.Combine(Repository.DemoModel, "tokenizer")));

    private readonly string _folder = Directory.CreateTempSubdirectory("tokenizer-").FullName;

    public static TheoryData<string, int[]> PublicCases()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("clip-tokenizer", "tokens.json")));
        TheoryData<string, int[]> cases = [];
        foreach (JsonElement item in document.RootElement.GetProperty("cases").EnumerateArray())
            cases.Add(item.GetProperty("text").GetString()!, [.. item.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())]);
        return cases;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(PublicCases))]
    public void The_ids_are_those_of_transformers(string text, int[] ids)
    {
        Assert.Equal(ids, s_public.Value.Tokenize(text).Select(token => token.Id));
    }

    [Theory]
    [MemberData(nameof(PublicCases))]
    public void Each_token_names_the_text_that_it_covers(string text, int[] ids)
    {
        IReadOnlyList<ClipToken> tokens = s_public.Value.Tokenize(text);
        Assert.Equal(ids.Length, tokens.Count);

        bool[] covered = new bool[text.Length];
        foreach (ClipToken token in tokens)
        {
            Assert.InRange(token.Start, 0, text.Length - 1);
            Assert.InRange(token.Length, 1, text.Length - token.Start);
            covered.AsSpan(token.Start, token.Length).Fill(true);

            string original = text.Substring(token.Start, token.Length);
            if (!token.Text.Contains('\uFFFD', StringComparison.Ordinal))
                Assert.Equal(token.Text, original.Normalize(NormalizationForm.FormC).ToLowerInvariant());
        }

        for (int i = 0; i < text.Length; i++)
            Assert.Equal(!char.IsWhiteSpace(text[i]), covered[i]);
    }

    // The letters stand for bytes, as in GPT-2's alphabet: Ġ is a space, Ċ the end of a line, Ļ the byte 99, ĺ the byte 98.
    [Theory]
    [InlineData("house</w>", "house")]
    [InlineData("Ã©", "é")]
    [InlineData("âĻ¥</w>", "♥")]
    [InlineData("âĺ", "<E2 98>")]
    [InlineData("ĺ</w>", "<98>")]
    [InlineData("aâĻ", "a<E2 99>")]
    [InlineData("âĻa¥</w>", "<E2 99>a<A5>")]
    [InlineData("Ġ", "<20>")]
    [InlineData("ï¿½</w>", "<EF BF BD>")]
    [InlineData("aĊĠ</w>", "a<0A 20>")]
    [InlineData("<|unknown letters 字|></w>", "<|unknown letters 字|>")]
    public void A_piece_is_shown_with_the_bytes_of_what_is_only_a_part_of_a_character(string entry, string shown) =>
        Assert.Equal(shown, new ClipTokenizerAlphabet().Show(entry));

    [Fact]
    public void Each_entry_of_the_public_vocabulary_can_be_read()
    {
        int parts = 0;
        for (int id = 0; id < 49408; id++)
        {
            string text = s_public.Value.EntryOf(id)!.Value.Text;
            Assert.DoesNotContain('\uFFFD', text);
            Assert.NotEqual(string.Empty, text.Trim());
            parts += Regex.IsMatch(text, "<[0-9A-F]{2}( [0-9A-F]{2})*>") ? 1 : 0;
        }

        Assert.InRange(parts, 100, 2000);
    }

    // The text cases of the demo model's reference numbers.
    [Theory]
    [InlineData("a red house on the grass in daylight with the sun on the left", "320,583,624,512,514,603,526,658,538,514,570,512,514,589")]
    [InlineData("a purple heart on white", "320,582,646,512,557")]
    [InlineData("a green tree and a red car on the sand under a cloudy sky", "320,568,629,533,320,583,613,512,514,598,552,320,593,551")]
    [InlineData("a blue fish on the sea", "320,535,616,512,514,595")]
    [InlineData("", "")]
    public void The_demo_model_gets_the_ids_it_was_trained_with(string text, string ids)
    {
        int[] expected = [673, .. ids.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        TokenizedPrompt prompt = s_demo.Value.Encode(text);

        Assert.Equal(expected.Length - 1, prompt.Count);
        Assert.Equal([.. expected, .. Enumerable.Repeat(674, 77 - expected.Length)], prompt.Ids);
        Assert.Empty(prompt.LostText);
    }

    [Fact]
    public void The_public_vocabulary_has_its_known_ids()
    {
        ClipTokenizer tokenizer = s_public.Value;

        Assert.Equal((49406, 49407, 49407, 77), (tokenizer.StartId, tokenizer.EndId, tokenizer.PadId, tokenizer.MaxLength));
    }

    // Derived by hand from the fast tokenizer's rules: letters and numbers beyond the Basic Multilingual Plane belong to
    // \p{L} and \p{N}; one capital letter has two characters as its lower case; a marker in capitals is three words.
    [Theory]
    [InlineData("𐐀𐐁!", "𐐨𐐩|!")]
    [InlineData("𝟙𝟚", "𝟙|𝟚")]
    [InlineData("𠀀𠀁,", "𠀀𠀁|,")]
    [InlineData("İstanbul", "i|\u0307|stanbul")]
    [InlineData("<|ENDOFTEXT|>!", "<||endoftext||>|!")]
    [InlineData("!<|ENDOFTEXT|>!", "!<||endoftext||>!")]
    [InlineData("It'S '''s", "it|'s|'''|s")]
    public void Words_are_split_as_the_fast_tokenizer_does(string text, string words)
    {
        ClipTokenizerText normalized = ClipTokenizerText.Normalize(text);
        ClipTokenizerWords reader = new(normalized.Text);
        List<string> found = [];
        while (reader.TryReadNext(out int start, out int length))
            found.Add(normalized.Text.Substring(start, length));

        Assert.Equal(words, string.Join('|', found));
    }

    [Fact]
    public void What_was_composed_or_lengthened_still_points_at_its_original()
    {
        const string Text = "İ cafe\u0301s now";
        IReadOnlyList<ClipToken> tokens = s_public.Value.Tokenize(Text);

        Assert.Equal("İ", Text.Substring(tokens[0].Start, tokens[0].Length));
        Assert.Equal("now", Text.Substring(tokens[^1].Start, tokens[^1].Length));
        Assert.Contains(tokens, token => Text.Substring(token.Start, token.Length) == "e\u0301s");
    }

    [Fact]
    public void A_prompt_that_is_too_long_names_the_words_that_were_cut()
    {
        string text = string.Concat(Enumerable.Repeat("cat ", 74)) + "Supercalifragilisticexpialidocious and a Dog ";
        TokenizedPrompt prompt = s_public.Value.Encode(text);

        Assert.Equal(75, prompt.Count);
        Assert.Equal(77, prompt.Ids.Count);
        Assert.Equal(49407, prompt.Ids[76]);
        Assert.Equal("cat", prompt.Tokens[73]);
        Assert.Equal("Supercalifragilisticexpialidocious and a Dog", prompt.LostText);
    }

    [Fact]
    public void A_prompt_that_just_fits_loses_nothing()
    {
        TokenizedPrompt prompt = s_public.Value.Encode(string.Join(' ', Enumerable.Repeat("cat", 75)));

        Assert.Equal(75, prompt.Count);
        Assert.DoesNotContain(2368, prompt.Ids.Skip(76));
        Assert.Equal(49407, prompt.Ids[76]);
        Assert.Empty(prompt.LostText);
    }

    [Fact]
    public void An_unpaired_surrogate_counts_as_the_replacement_character()
    {
        // Not as inline data: attributes are stored as UTF-8, which has no halves of pairs.
        foreach ((string text, string repaired) in ((string, string)[])[("\ud83e", "\ufffd"), ("a \udd93\ud83e b", "a \ufffd\ufffd b"), ("cat\ud800dog", "cat\ufffddog")])
            Assert.Equal(s_public.Value.Tokenize(repaired), s_public.Value.Tokenize(text));
    }

    [Fact]
    public void A_NUL_character_is_a_byte_like_any_other()
    {
        // Byte 0 is the letter U+0100 of the byte-level alphabet; as a word of its own it is the entry "Ā</w>", 188 + 256.
        Assert.Equal([320, 444, 321], s_public.Value.Tokenize("a\0b").Select(token => token.Id));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("漢")]
    [InlineData("!")]
    [InlineData("🦓")]
    [InlineData("a red house, ")]
    [InlineData("e\u0301")]
    [InlineData("<|endoftext|>")]
    [InlineData(" ")]
    public void A_text_of_a_hundred_thousand_characters_is_taken(string part)
    {
        string text = string.Concat(Enumerable.Repeat(part, 100_000 / part.Length));
        TokenizedPrompt prompt = s_public.Value.Encode(text);

        Assert.Equal(77, prompt.Ids.Count);
        Assert.Equal(part == " ", prompt.LostText.Length == 0);
    }

    [Fact]
    public void Long_words_within_the_limit_are_merged_as_a_whole()
    {
        // The merges of a run of one letter do not depend on where it is cut, so a run longer than the limit shows that
        // the cut loses and adds nothing.
        int Count(int length) => s_public.Value.Tokenize(new string('a', length)).Sum(token => token.Length);

        Assert.Equal(1000, Count(1000));
        Assert.Equal(5000, Count(5000));
        Assert.Equal(2 * 3000, s_public.Value.Tokenize(string.Concat(Enumerable.Repeat("𐐨", 3000))).DistinctBy(token => token.Start).Sum(token => token.Length));
    }

    [Fact]
    public void Many_threads_get_the_same_ids()
    {
        string[] texts = [.. PublicCases().Select(item => item.Data.Item1)];
        ClipTokenizer tokenizer = ClipTokenizer.Load(Repository.ClipTokenizer);
        int[][] expected = [.. texts.Select(text => s_public.Value.Tokenize(text).Select(token => token.Id).ToArray())];

        Parallel.For(0, 8 * texts.Length, i =>
            Assert.Equal(expected[i % texts.Length], tokenizer.Tokenize(texts[i % texts.Length]).Select(token => token.Id)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_folder_of_the_fast_format_alone_gives_the_same_tokenizer(bool mergesAreText)
    {
        WriteFastFile(_folder, mergesAreText);
        ClipTokenizer tokenizer = ClipTokenizer.Load(_folder);

        Assert.Equal((673, 674, 0, 77), (tokenizer.StartId, tokenizer.EndId, tokenizer.PadId, tokenizer.MaxLength));
        foreach (string text in (string[])["a red house on the grass", "Ünïcödé 🦓 1920x1080", "<|endoftext|>it's"])
            Assert.Equal(s_demo.Value.Tokenize(text), tokenizer.Tokenize(text));
    }

    [Fact]
    public void The_special_tokens_map_decides_the_padding()
    {
        // Stable Diffusion 2.1's files disagree in this way.
        CopyDemoFiles();
        Write("special_tokens_map.json", """{"bos_token": {"content": "<|startoftext|>"}, "eos_token": {"content": "<|endoftext|>"}, "pad_token": "!"}""");
        Assert.Equal(0, ClipTokenizer.Load(_folder).PadId);

        Write("tokenizer_config.json", """{"pad_token": "<|endoftext|>", "added_tokens_decoder": {"674": {"content": "<|endoftext|>"}}, "model_max_length": 1e30}""");
        ClipTokenizer tokenizer = ClipTokenizer.Load(_folder);
        Assert.Equal(674, tokenizer.PadId);
        Assert.Equal(77, tokenizer.MaxLength);
    }

    [Fact]
    public void Without_settings_the_usual_ones_hold()
    {
        CopyDemoFiles();
        File.Delete(Path.Combine(_folder, "special_tokens_map.json"));
        File.Delete(Path.Combine(_folder, "tokenizer_config.json"));
        ClipTokenizer tokenizer = ClipTokenizer.Load(_folder);

        Assert.Equal((673, 674, 674, 77), (tokenizer.StartId, tokenizer.EndId, tokenizer.PadId, tokenizer.MaxLength));
    }

    [Fact]
    public void An_added_token_stands_for_itself()
    {
        CopyDemoFiles();
        Write("added_tokens.json", """{"<toy>": 675}""");

        Assert.Equal([320, 675, 320], ClipTokenizer.Load(_folder).Tokenize("a <toy>a").Select(token => token.Id));
    }

    [Theory]
    [InlineData("vocab.json", "{\"a\": 1,\n\"b\": trustsecret}", "vocab.json, line 2")]
    [InlineData("vocab.json", "{\"a\": 1, \"secret\": -2}", "no id of zero or more")]
    [InlineData("vocab.json", "{\"a\": 1, \"secret\": 1}", "the id 1 to two tokens")]
    [InlineData("vocab.json", "{\"a\": 1, \"b\": \"secret\"}", "no id of zero or more")]
    [InlineData("vocab.json", "{\"\\ud800\": 1}", "Unicode")]
    [InlineData("vocab.json", "[1]", "vocab.json")]
    [InlineData("vocab.json", "", "vocab.json, line 1")]
    [InlineData("vocab.json", "{\"on\": 1}", "merges.txt, line 2")]
    [InlineData("merges.txt", "#version: 0.2\no n</w>\nh e</w> secret", "merges.txt, line 3")]
    [InlineData("merges.txt", "#version: 0.2\nsecret", "merges.txt, line 2")]
    [InlineData("merges.txt", "#version: 0.2\nthe secret", "merges.txt, line 2")]
    [InlineData("merges.txt", "o n</w>\no n</w>", "twice")]
    [InlineData("tokenizer_config.json", "{", "tokenizer_config.json, line 1")]
    [InlineData("tokenizer_config.json", "[]", "tokenizer_config.json")]
    [InlineData("special_tokens_map.json", "{\"eos_token\": \"secret\"}", "ends every prompt")]
    [InlineData("added_tokens.json", "{\"secret\": null}", "added_tokens.json")]
    [InlineData("merges.txt", "", "no pairs")]
    [InlineData("merges.txt", "#version: 0.2\n\n", "no pairs")]
    [InlineData("vocab.json", "{\"secret\": 1, \"secret\": 1}", "vocab.json")]
    [InlineData("tokenizer_config.json", "{\"eos_token\": \"a\", \"eos_token\": \"b\"}", "tokenizer_config.json")]
    public void A_damaged_file_is_named_with_its_line(string file, string content, string named)
    {
        CopyDemoFiles();
        Write(file, content);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => ClipTokenizer.Load(_folder));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains(_folder, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer_config.json")]
    [InlineData("special_tokens_map.json")]
    [InlineData("added_tokens.json")]
    public void A_folder_in_place_of_a_file_is_refused(string file)
    {
        CopyDemoFiles();
        File.Delete(Path.Combine(_folder, file));
        Directory.CreateDirectory(Path.Combine(_folder, file));

        Assert.Contains(file, Assert.Throws<ModelInvalidException>(() => ClipTokenizer.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"model\": 3}")]
    [InlineData("{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", 0.5]]}}")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\", \"vocab\": [], \"merges\": []}}")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\", \"vocab\": {\"a\": 0}, \"merges\": [7]}}")]
    public void A_fast_file_of_another_kind_is_refused(string content)
    {
        Write("tokenizer.json", content);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => ClipTokenizer.Load(_folder));
        Assert.Contains("tokenizer.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_folder_or_vocabulary_is_not_found()
    {
        Assert.Throws<ModelNotFoundException>(() => ClipTokenizer.Load(Path.Combine(_folder, "none")));

        Write("vocab.json", "{}");
        ModelNotFoundException error = Assert.Throws<ModelNotFoundException>(() => ClipTokenizer.Load(_folder));
        Assert.Contains("merges.txt", error.Message, StringComparison.Ordinal);
    }

    private void CopyDemoFiles()
    {
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.DemoModel, "tokenizer")))
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
    }

    private void Write(string file, string content) => File.WriteAllText(Path.Combine(_folder, file), content);

    private static void WriteFastFile(string folder, bool mergesAreText)
    {
        string source = Path.Combine(Repository.DemoModel, "tokenizer");
        Dictionary<string, int> vocabulary = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(Path.Combine(source, "vocab.json")))!;
        string[] merges = File.ReadAllLines(Path.Combine(source, "merges.txt"))[1..];
        object content = new
        {
            added_tokens = new object[] { new { id = 673, content = "<|startoftext|>" }, new { id = 674, content = "<|endoftext|>" } },
            padding = new { pad_id = 0, pad_token = "!" },
            model = new
            {
                type = "BPE",
                end_of_word_suffix = "</w>",
                vocab = vocabulary,
                merges = mergesAreText ? (object)merges : merges.Select(merge => merge.Split(' ')).ToArray(),
            },
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), JsonSerializer.Serialize(content));
    }
}
