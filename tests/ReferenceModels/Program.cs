using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace StableDiffusion.ReferenceModels;

/// <summary>
/// Writes the reference's model folders: copies their small files, draws their weights, and fills in the tokenizer's
/// vocabulary, which the repository has already.
/// </summary>
internal static class Program
{
    private const string RecipeExtension = ".txt";
    private const string TokenizerFile = "tokenizer.json";
    private const string ReadMe = "README.md";

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static int Main(string[] arguments)
    {
        if (arguments is not [string source, string vocabulary, string target])
        {
            Console.Error.WriteLine("Usage: StableDiffusion.ReferenceModels <folder of recipes> <folder of vocab.json and merges.txt> <target folder>");
            return 2;
        }

        try
        {
            foreach (string file in Directory.GetFiles(source, "*", SearchOption.AllDirectories).Where(static file => Path.GetFileName(file) != ReadMe))
            {
                string path = Path.Combine(target, Path.GetRelativePath(source, file));
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                if (Path.GetExtension(file) == RecipeExtension)
                    File.WriteAllBytes(Path.ChangeExtension(path, null), WeightRecipe.Read(file).Make());
                else if (Path.GetFileName(file) == TokenizerFile)
                    File.WriteAllText(path, FillTokenizer(file, vocabulary));
                else
                    File.Copy(file, path, overwrite: true);
            }

            return 0;
        }
        catch (InvalidDataException error)
        {
            Console.Error.WriteLine($"error: {error.Message}");
            return 1;
        }
    }

    private static string FillTokenizer(string file, string vocabulary)
    {
        JsonNode tokenizer = JsonNode.Parse(File.ReadAllText(file))!;
        JsonNode model = tokenizer["model"]!;
        model["vocab"] = JsonNode.Parse(File.ReadAllText(Path.Combine(vocabulary, "vocab.json")));
        // The first line is the version.
        model["merges"] = new JsonArray([.. File.ReadLines(Path.Combine(vocabulary, "merges.txt")).Skip(1).Where(static line => line.Length > 0)
            .Select(static line => new JsonArray([.. line.Split(' ').Select(static part => JsonValue.Create(part))]))]);
        return tokenizer.ToJsonString(s_json);
    }
}
