using System.Xml;
using System.Xml.Linq;

namespace StableDiffusion.Images.Metadata;

/// <summary>Finds the text that stable-diffusion.cpp puts into an XMP packet, where its WebP files have it.</summary>
internal static class XmpTexts
{
    private static readonly XName s_parameters = XName.Get("parameters", "https://github.com/leejet/stable-diffusion.cpp/ns/1.0/");

    /// <summary>What a packet in a JPEG file begins with. Source: XMP specification, part 3.</summary>
    public static ReadOnlySpan<byte> Mark => "http://ns.adobe.com/xap/1.0/\0"u8;

    /// <summary>Collects the text.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="texts">Receives the text.</param>
    public static void Read(ReadOnlySpan<byte> packet, TextEntryList texts)
    {
        if (packet.Length > TextEntryList.MaxBytes)
            return;

        XmlReaderSettings settings = new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, CheckCharacters = false };
        try
        {
            using MemoryStream stream = new(packet.ToArray());
            using XmlReader reader = XmlReader.Create(stream, settings);
            if (reader.ReadToFollowing(s_parameters.LocalName, s_parameters.NamespaceName))
                texts.Add("XMP", "parameters", reader.ReadElementContentAsString());
        }
        catch (XmlException)
        {
            texts.Warnings.Add("The XMP packet is damaged and was left out.");
        }
    }
}
