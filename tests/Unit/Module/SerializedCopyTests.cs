using System.Collections;
using System.Management.Automation;
using System.Text;
using System.Text.Json.Nodes;
using SdPowerShell.Errors;
using SdPowerShell.Serialization;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Metadata;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Module;

/// <summary>Copies that PowerShell made and someone changed: each is restored, or refused as damaged.</summary>
public sealed class SerializedCopyTests
{
    private const string Data = "SerializationData";

    private static readonly (Type Type, byte[] Bytes)[] s_copies = [.. Objects().Select(static made => (made.GetType(), (byte[])SerializedObject.GetSerializationData(new PSObject(made))))];

    public static TheoryData<int, int> Cases => [.. from kind in Enumerable.Range(0, 4) from seed in Enumerable.Range(1, 3) select (kind, seed)];

    [Fact]
    public void Whole_copies_are_restored() => Assert.All(s_copies, static copy => Assert.IsType(copy.Type, SerializedObject.Restore(Copy(copy.Type, copy.Bytes)).BaseObject));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Damaged_copies_are_restored_or_refused(int kind, int seed)
    {
        Random random = new(seed);
        (Type type, byte[] whole) = s_copies[kind];
        for (int i = 0; i < 300; i++)
            Check(type, Damage(random, whole), random);
    }

    [Fact]
    public void Texts_of_a_copy_are_damaged_one_by_one()
    {
        (Type type, byte[] whole) = s_copies[3];
        JsonObject json = JsonNode.Parse(whole)!.AsObject();
        foreach (string change in (string[])["null", "1", "[]", "{}", "\"x\"", "[null]", "[{}]", "[1]", "{\"Key\":null}", "[{\"Key\":null,\"Value\":null}]", "true", "1e999", "\"\\ud800\""])
        {
            foreach (string key in json.Select(static item => item.Key).ToArray())
            {
                JsonObject changed = json.DeepClone().AsObject();
                changed[key] = "changed";
                Check(type, Encoding.UTF8.GetBytes(changed.ToJsonString().Replace("\"changed\"", change, StringComparison.Ordinal)), new Random(1));
                changed.Remove(key);
                Check(type, Encoding.UTF8.GetBytes(changed.ToJsonString()), new Random(1));
            }
        }
    }

    [Theory]
    [InlineData("Visit http://evil.example now.")]
    [InlineData("")]
    [InlineData(1)]
    [InlineData(true)]
    public void What_stands_in_place_of_the_bytes_is_not_shown(object data)
    {
        foreach ((Type type, _) in s_copies)
        {
            RecordException error = Assert.Throws<RecordException>(() => SerializedObject.Restore(Copy(type, data)));
            Assert.Equal("SerializedObjectInvalid", error.Record.FullyQualifiedErrorId);
            Assert.DoesNotContain("evil", error.Message, StringComparison.Ordinal);
            Assert.Contains("Its values are damaged", error.Message, StringComparison.Ordinal);
        }
    }

    private static void Check(Type type, object? data, Random random)
    {
        PSObject copy = Copy(type, data);
        if (random.Next(4) == 0)
            copy.Properties.Add(new PSNoteProperty("Path", random.Next(3) switch { 0 => "\0", 1 => 5, _ => "~/x" }));
        if (random.Next(4) == 0)
            copy.Properties.Add(new PSNoteProperty(random.Next(3) switch { 0 => "Prompt", 1 => "Own", _ => " " }, new Hashtable()));
        object result;
        try
        {
            result = SerializedObject.Restore(copy).BaseObject;
        }
        catch (RecordException error)
        {
            Assert.Equal("SerializedObjectInvalid", error.Record.FullyQualifiedErrorId);
            return;
        }

        Assert.True(type.IsInstanceOfType(result) || (data is null && type == typeof(ImageMetadata)), result.GetType().Name);

        // What is restored can be shown and copied again.
        Assert.NotNull(result.ToString());
        if (type.IsInstanceOfType(result))
            SerializedObject.GetSerializationData(new PSObject(result));
    }

    private static object? Damage(Random random, byte[] whole)
    {
        byte[] bytes = [.. whole];
        switch (random.Next(9))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                return (byte[])[.. bytes, .. Enumerable.Range(0, random.Next(1, 100)).Select(_ => (byte)random.Next(256))];
            case 2:
                return s_copies[random.Next(s_copies.Length)].Bytes;
            case 3:
                int from = random.Next(bytes.Length), length = random.Next(1, 64);
                return (byte[])[.. bytes[..from], .. bytes[Math.Min(bytes.Length, from + length)..]];
            case 4:
                return random.Next(9) switch { 0 => null, 1 => "text", 2 => 1.5, 3 => new ArrayList { (byte)1 }, 4 => new Hashtable(), 5 => Array.Empty<byte>(), 6 => new int[] { 1 }, 7 => DateTime.UnixEpoch, _ => new PSObject() };
            default:
                for (int flips = random.Next(1, 8); flips > 0; flips--)
                    bytes[random.Next(random.Next(2) == 0 ? Math.Min(2000, bytes.Length) : bytes.Length)] = (byte)random.Next(256);
                return bytes;
        }
    }

    private static PSObject Copy(Type type, object? data)
    {
        PSObject copy = new();
        copy.TypeNames.Insert(0, "Deserialized." + type.FullName);
        if (data is not null)
            copy.Properties.Add(new PSNoteProperty(Data, data));
        return copy;
    }

    private static IEnumerable<object> Objects()
    {
        GenerationInfo info = new() { Prompt = "a 'red' house", Seed = 3, Steps = 5, Scheduler = "DDIM", Width = 64, Height = 64, Lora = """["s:0.5"]""", SchedulerOptions = """{"eta":0.5}""" };
        yield return new Latent(new Tensor([.. Enumerable.Range(0, 256).Select(static value => value / 100f)], 1, 4, 8, 8), info);
        yield return new TextEmbedding("a", PromptOptions.Default, new TextVectors(new Tensor([.. Enumerable.Range(0, 77 * 8).Select(static value => value / 10f)], 1, 77, 8), null), [1, 2], [], "demo");
        yield return new DiffusionImage(4, 3, [.. Enumerable.Range(0, 36).Select(static value => (byte)value)], info);
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["a.png"], MetadataFiles.Png(MetadataFiles.TextChunk("parameters", "a\nSteps: 5, Sampler: Euler, Seed: 1, Model: x, Lora hashes: \"a: 12\"")));
        yield return MetadataReader.Read(folder["a.png"]);
    }
}
