using System.Xml;
using StableDiffusion.Images;

namespace StableDiffusion.Metadata;

/// <summary>The texts in an XMP packet: stable-diffusion.cpp's, where its WebP files have it, and our own record.</summary>
internal static class XmpTexts
{
    private const string CppNamespace = "https://github.com/leejet/stable-diffusion.cpp/ns/1.0/";
    private const string CppElement = "parameters";

    /// <summary>Collects the texts.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="texts">Receives the texts.</param>
    public static void Read(ReadOnlySpan<byte> packet, TextEntryList texts)
    {
        if (packet.Length > TextEntryList.MaxBytes)
            return;

        XmlReaderSettings settings = new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, CheckCharacters = false };
        try
        {
            using MemoryStream stream = new(packet.ToArray());
            using XmlReader reader = XmlReader.Create(stream, settings);
            while (!reader.EOF)
            {
                // The reading of an element goes on to what follows it.
                if (reader.NodeType == XmlNodeType.Element && (reader.NamespaceURI == XmpPacket.OwnNamespace || (reader.NamespaceURI == CppNamespace && reader.LocalName == CppElement)))
                    texts.Add("XMP", reader.LocalName, reader.ReadElementContentAsString());
                else
                    reader.Read();
            }
        }
        catch (XmlException)
        {
            texts.Warnings.Add("The XMP packet is damaged and was left out.");
        }
    }
}
