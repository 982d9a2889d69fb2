using System.Text.Json;
using StableDiffusion.Pipelines;
using StableDiffusion.Prompts;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Text;

/// <summary>The tokens of prompts as rows, and their neighbors in the vocabulary.</summary>
public sealed class PromptTokenInfoTests(SharedModels models)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void The_ids_are_those_of_transformers_and_what_is_cut_off_is_among_them()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Sd1));
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("clip-tokenizer", "tokens.json")));
        foreach (JsonElement item in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!;
            int[] ids = [.. item.GetProperty("ids").EnumerateArray().Select(static id => id.GetInt32())];
            IReadOnlyList<PromptTokenInfo> tokens = pipeline.ListTokens(text, cancellationToken: Cancellation);

            Assert.Equal(ids, tokens.Where(static token => !token.IsSpecial).Select(static token => token.TokenId));
            Assert.Equal([49406, 49407], tokens.Where(static token => token.IsSpecial).Select(static token => token.TokenId));
            int kept = Math.Min(ids.Length, 75);
            Assert.Equal([.. Enumerable.Range(0, kept + 2).Select(static position => (int?)position), .. Enumerable.Repeat<int?>(null, ids.Length - kept)], tokens.Select(static token => token.Position));
            Assert.Equal(ids.Length - kept, tokens.Count(static token => token.IsCut && token.Chunk is null));

            TextEmbedding encoded = pipeline.EncodePrompt(text, cancellationToken: Cancellation);
            Assert.All(tokens.Where(static token => !token.IsCut), token => Assert.Equal(encoded.TokenIds[token.Position!.Value], token.TokenId));
        }
    }

    [Theory]
    [InlineData(PromptSyntax.A1111, "a (red:1.4) house BREAK [trees]")]
    [InlineData(PromptSyntax.ComfyUI, "a (red:1.4) house")]
    [InlineData(PromptSyntax.A1111, "a [red:blue:0.5] house AND a boat")]
    public void Weights_and_chunks_are_those_of_the_encoded_prompt(PromptSyntax syntax, string prompt)
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        PromptOptions options = new() { Syntax = syntax };
        IReadOnlyList<PromptTokenInfo> tokens = pipeline.ListTokens(prompt, options, cancellationToken: Cancellation);
        TextEmbedding encoded = pipeline.EncodePrompt(prompt, options, Cancellation);
        Assert.Equal(encoded.WeightedTokens, tokens.Where(static token => !token.IsSpecial).Select(static token => new PromptToken(token.Piece, token.TokenId, token.Weight, token.Chunk!.Value)));
        Assert.All(tokens, token => Assert.Equal(encoded.TokenIds[(77 * token.Chunk!.Value) + token.Position!.Value], token.TokenId));
        Assert.All(tokens, token => Assert.Equal(prompt, token.Prompt));
    }

    [Fact]
    public void A_word_that_goes_on_says_so_and_the_second_encoder_has_rows_of_its_own()
    {
        IReadOnlyList<PromptTokenInfo> tokens = new DiffusionPipeline(models.Open(models.Large)).ListTokens("a dragonflyish cat", cancellationToken: Cancellation);
        Assert.Equal(["text_encoder", "text_encoder_2"], tokens.Select(static token => token.Encoder).Distinct());
        PromptTokenInfo[] first = [.. tokens.Where(static token => token.Encoder == "text_encoder" && !token.IsSpecial)];
        Assert.Equal("adragonflyishcat", string.Concat(first.Select(static token => token.Piece)));
        Assert.Equal(3, first.Count(static token => token.EndsWord));
        Assert.True(first[^1].EndsWord);
        Assert.Contains(first, static token => !token.EndsWord);
    }

    [Fact]
    public void Neighbors_have_the_largest_cosines_of_the_table()
    {
        const int Count = 5;
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Repository.DemoModel, "text_encoder", "model.safetensors"));
        Tensor table = file.Read("text_model.embeddings.token_embedding.weight");
        int width = table.Shape[1];
        Dictionary<int, string> entries = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(Path.Combine(Repository.DemoModel, "tokenizer", "vocab.json")))!.ToDictionary(static pair => pair.Value, static pair => pair.Key);
        DiffusionPipeline pipeline = new(models.Open(models.Demo));

        foreach (PromptTokenInfo token in pipeline.ListTokens("a red dragon at night", neighbors: Count, cancellationToken: Cancellation))
        {
            (double Cosine, int Id)[] expected = [.. Enumerable.Range(0, table.Shape[0]).Where(id => id != token.TokenId && entries.ContainsKey(id)).Select(id => (Cosine(token.TokenId, id), id)).OrderByDescending(static pair => pair.Item1).Take(Count)];
            Assert.Equal(expected.Select(static pair => pair.Id), token.Neighbors.Select(static near => near.TokenId));
            Assert.All(expected.Zip(token.Neighbors), static pair => Assert.Equal(pair.First.Cosine, pair.Second.Similarity, 1e-5));
            Assert.All(token.Neighbors, near => Assert.Equal(entries[near.TokenId].EndsWith("</w>", StringComparison.Ordinal), near.EndsWord));
        }

        Assert.Equal(0, pipeline.ListTokens("a", cancellationToken: Cancellation).Sum(static token => token.Neighbors.Count));
        Assert.Equal("Neighbor", Assert.Throws<InvalidSettingException>(() => pipeline.ListTokens("a", neighbors: -1, cancellationToken: Cancellation)).Setting);

        double Cosine(int one, int other)
        {
            double product = 0, first = 0, second = 0;
            for (int i = 0; i < width; i++)
            {
                (double a, double b) = (table.Values[(one * width) + i], table.Values[(other * width) + i]);
                product += a * b;
                first += a * a;
                second += b * b;
            }

            return product / Math.Sqrt(first * second);
        }
    }
}
